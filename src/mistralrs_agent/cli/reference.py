"""Writes the reference page of the command line: `python -m mistralrs_agent.cli.reference docs/cli.md`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic.fields import FieldInfo

from mistralrs_agent.cli import cli
from mistralrs_agent.cli.flags import SectionOption, click_type, default_text, notes
from mistralrs_agent.options import BENCH, EVAL, RUN, SECTIONS, SERVE, Section

INTRODUCTION = """\
# Command line

This page is written by `make docs` from the declarations in `mistralrs_agent/options/`; do not edit it.

A mistake ends in one line on standard error: exit code 2 for a wrong option or configuration file, 1 for anything else
that went wrong. `MISTRALRS_DEBUG=1` shows where an unexpected error came from.
"""

OPTIONS = """\
## Options

Every option is a flag of the commands named under its heading and a key of a configuration file
(`mistralrs from-config -f FILE.toml`), where `[[models]]` is a list with one model, and `[models.format]` and the other
`[models.…]` tables belong to the model above them. Flags and keys marked "not supported yet" are refused when given.
"""


def reference() -> str:
    """The whole page, as Markdown."""
    parts = [INTRODUCTION, "## Commands\n", *_commands(cli, "mistralrs"), OPTIONS]
    parts += [_section(name, section) for name, section in SECTIONS.items()]
    return "\n".join(parts)


def _commands(group: click.Group, path: str) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        yield _command(command, f"{path} {name}")
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def _command(command: click.Command, path: str) -> str:
    context = click.Context(command, info_name=path)
    lines = [
        f"### `{path}`",
        "",
        *_prose(inspect.cleandoc(command.help or "")),
        "```text",
        context.get_usage(),
        "```",
        "",
    ]
    own = [item for item in command.params if isinstance(item, click.Option) and not isinstance(item, SectionOption)]
    if own:
        lines += ["| Flag | Meaning |", "|---|---|"]
        lines += [f"| {_names(option.opts)} | {_cell(option.help or '')} |" for option in own]
        lines.append("")
    return "\n".join(lines)


def _prose(text: str) -> list[str]:
    """A command's help, whose parts after a `\\b` mark are lines to keep as they are."""
    lines: list[str] = []
    for part in text.split("\n\n"):
        if part.startswith("\b\n"):
            title, *rows = part.removeprefix("\b\n").splitlines()
            lines += [title, "", "```text", *(row.removeprefix("  ") for row in rows), "```", ""]
        else:
            lines += [" ".join(part.split()), ""]
    return lines


def _section(name: str, section: type[Section]) -> str:
    takers = (("serve", SERVE), ("run", RUN), ("bench", BENCH), ("eval", EVAL))
    commands = ", ".join(f"`{command}`" for command, names in takers if name in names)
    tables = f" In a file: {' or '.join(map(_table_name, section.tables))}." if section.tables else ""
    rows = [
        f"| {_names(flag.names)} | {f'`{field}`' if section.tables and flag.in_files else ''} "
        f"| {_code(default_text(info))} | {_cell(' '.join([info.description or '', *_values(info), *notes(flag)]))} |"
        for field, (info, flag) in section.flags().items()
    ]
    return "\n".join(
        [
            f"### {section.heading}",
            "",
            f"{' '.join((section.__doc__ or '').split())} Commands: {commands}.{tables}",
            "",
            "| Flag | Key | Default | Meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _values(info: FieldInfo) -> list[str]:
    """The words that an option takes, where there are only so many."""
    kind, _ = click_type(info.annotation)
    return [f"One of {_names(list(map(str, kind.choices)))}."] if isinstance(kind, click.Choice) else []


def _table_name(table: str) -> str:
    if not table:
        return "the top level"
    return "`[[models]]`" if table == "models" else f"`[{table}]`"


def _names(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
