"""Sections as click options: one decorator puts them on a command, `--help` groups them by heading."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from mistralrs_agent.options import SECTIONS, Flag, Options, Section

CommandFunction = Callable[..., None]


class SectionOption(click.Option):
    """An option that shows some of its spellings and stands under a heading."""

    def __init__(self, *arguments: Any, declaration: Flag, heading: str, **details: Any) -> None:
        super().__init__(*arguments, **details)
        self.declaration = declaration
        self.heading = heading

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        names = ", ".join(self.declaration.names)
        if self.declaration.optional_value:
            names += "[=true|false]"
        elif not (self.is_flag or self.count):
            names += f" {self.make_metavar(ctx)}"
        return names, self.help or ""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        return self.declaration.spelling


class SectionCommand(click.Command):
    """A command whose options are listed under the headings of their sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            if isinstance(option, click.Option) and (record := option.get_help_record(ctx)):
                groups.setdefault(getattr(option, "heading", "Other"), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def sections(*names: str) -> Callable[[CommandFunction], CommandFunction]:
    """Put the options of these sections of `Options` on a command; its function receives the `Options`."""

    def decorate(function: CommandFunction) -> CommandFunction:
        @functools.wraps(function)
        def command(**values: Any) -> None:
            function(_chosen(names, values))

        decorated: CommandFunction = command
        for name in reversed(names):
            for field, (info, declaration) in reversed(SECTIONS[name].flags().items()):
                decorated = _parameter(SECTIONS[name], f"{name}__{field}", info, declaration)(decorated)
        return decorated

    return decorate


def _chosen(names: Iterable[str], values: Mapping[str, Any]) -> Options:
    """The options from click's values, which are named `section__field` and None where nothing was given."""
    chosen: dict[str, Any] = {}
    for name in names:
        declared = SECTIONS[name].flags()
        given = {
            field: values[f"{name}__{field}"] for field in declared if values[f"{name}__{field}"] not in (None, ())
        }
        chosen[name] = SECTIONS[name].build(given, lambda field, declared=declared: declared[field][1].spelling)
    return Options(**chosen)


def _parameter(section: type[Section], name: str, info: FieldInfo, declaration: Flag) -> Callable[..., CommandFunction]:
    kind, is_list = click_type(info.annotation)
    if not declaration.names[0].startswith("-"):
        return click.argument(name, type=kind, required=False, metavar=f"[{declaration.spelling.upper()}]")
    is_switch = kind is click.BOOL and not declaration.optional_value
    details: dict[str, Any] = {"is_flag": True} if is_switch else {"type": kind, "multiple": is_list}
    if declaration.optional_value:
        details |= {"is_flag": False, "flag_value": "true"}
    if declaration.count:
        details = {"count": True}
    return click.option(
        name,
        *declaration.names,
        *declaration.also,
        cls=SectionOption,
        default=None,
        metavar=declaration.metavar,
        help=_help(info, declaration),
        heading=section.heading,
        declaration=declaration,
        **details,
    )


def click_type(annotation: Any) -> tuple[click.ParamType[Any], bool]:
    """Click's type for a field's annotation, and whether the option repeats."""
    if get_origin(annotation) is Literal:
        return click.Choice(get_args(annotation)), False
    if get_origin(annotation) is tuple:
        return click_type(get_args(annotation)[0])[0], True
    members = [member for member in get_args(annotation) if member is not type(None)]
    if members:  # `X | None`, or a path with a check
        return click_type(members[0])
    types: dict[Any, click.ParamType[Any]] = {bool: click.BOOL, int: click.INT, float: click.FLOAT}
    types[Path] = click.Path(path_type=Path)
    return types.get(annotation, click.STRING), False


def _help(info: FieldInfo, declaration: Flag) -> str:
    default = default_text(info)
    return " ".join([info.description or "", *([f"[default: {default}]"] if default else []), *notes(declaration)])


def default_text(info: FieldInfo) -> str:
    """A default as a person would type it; empty where leaving the option out is the only way to say it."""
    return "" if info.default in (None, False, ()) else str(info.default)


def notes(declaration: Flag) -> list[str]:
    """What else a person should know: the variable that sets it, and what of it is not there yet."""
    found = [f"[env: {declaration.env}]"] if declaration.env else []
    if declaration.not_yet:
        found.append(f"(not supported yet: {', '.join(declaration.not_yet)})")
    if not declaration.supported:
        found.append("(not supported yet)")
    return found
