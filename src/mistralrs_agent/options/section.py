"""Options declared once: a section is a frozen model; each field carries its flag and, underneath, its sentence.

The command line (`cli.flags`), configuration files (`options.file`) and the reference page (`cli.reference`) are all
made from these declarations; `Section.build` is the one door through which values enter.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from mistralrs_agent.errors import ConfigError

Spell = Callable[[str], str]
"""Field name → what the person wrote: the flag on the command line, the key in a file."""


@dataclass(frozen=True, slots=True)
class Flag:
    """How a field is spelled outside, and whether anything honours it."""

    names: tuple[str, ...]
    """Shown spellings, such as `-m`, `--model-id`; a name without dashes is a positional argument."""
    also: tuple[str, ...] = ()
    """Accepted and not shown: older names, names of other servers."""
    keys: tuple[str, ...] = ()
    """Older keys in configuration files; the field's own name comes first."""
    metavar: str | None = None
    env: str | None = None
    """Environment variable that decides when the option is not given or has its default."""
    supported: bool = True
    """False: declared, and refused when given."""
    not_yet: tuple[str, ...] = ()
    """Values that are declared and refused when given."""
    optional_value: bool = False
    """`--flag` alone means true; `--flag=false` says otherwise."""
    count: bool = False
    """Repeating the flag counts up."""
    in_files: bool = True
    """False: only on the command line."""
    secret: bool = False
    """Neither logs nor error messages show the value."""

    @property
    def spelling(self) -> str:
        """The long name."""
        return next((name for name in self.names if name.startswith("--")), self.names[0])


def flag(*names: str, **details: Any) -> Flag:
    """Declare the spellings of a field; `details` are the other fields of `Flag`."""
    return Flag(names, **details)


Rule = Callable[[Any, Spell], str | None]
"""Looks at a section; returns what is wrong, in the person's spelling, or None."""


def needs(option: str, *enablers: str) -> Rule:
    """`option` means nothing unless one of `enablers` is on."""

    def rule(section: Section, spell: Spell) -> str | None:
        if option not in section.model_fields_set or any(getattr(section, name) for name in enablers):
            return None
        return f"{spell(option)} needs {' or '.join(spell(name) for name in enablers)}"

    return rule


def conflicts(*options: str) -> Rule:
    """At most one of `options` may be given."""

    def rule(section: Section, spell: Spell) -> str | None:
        given = [spell(name) for name in options if name in section.model_fields_set]
        return f"{' and '.join(given)} cannot be combined; give one of them" if len(given) > 1 else None

    return rule


def differ(one: str, other: str) -> Rule:
    """Two options must not have the same value."""

    def rule(section: Section, spell: Spell) -> str | None:
        value = getattr(section, one)
        same = value is not None and value == getattr(section, other)
        return f"{spell(one)} and {spell(other)} must differ; both are {value!r}" if same else None

    return rule


class Section(BaseModel):
    """A group of options: one heading of `--help`, one table of a configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    heading: ClassVar[str]
    tables: ClassVar[tuple[str, ...]]
    """Tables of a configuration file that may hold these keys, the usual one first; "" is the top level; none: only
    on the command line."""
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def flags(cls) -> dict[str, tuple[FieldInfo, Flag]]:
        """Every field with its declaration, in order."""
        return {
            name: (info, next(item for item in info.metadata if isinstance(item, Flag)))
            for name, info in cls.model_fields.items()
        }

    def secrets(self) -> tuple[str, ...]:
        """The values of options declared `secret`; of `env:VARIABLE` and `path:FILE` nothing is."""
        values = [getattr(self, name) for name, (_, declaration) in self.flags().items() if declaration.secret]
        return tuple(
            value.removeprefix("literal:") for value in values if value and not value.startswith(("env:", "path:"))
        )

    @classmethod
    def build(cls, given: Mapping[str, Any], spell: Spell, *, strict: bool = False) -> Self:
        """Make the section from the values that were given; the rest takes its default.

        `strict` (configuration files) refuses a value of another type, such as "80" for a number.

        Raises: ConfigError naming the option as the person spelled it.
        """
        values = dict(given)
        declared = cls.flags()
        for name, value in given.items():
            _refuse_unsupported(declared[name][1], value, spell(name))
        for name, (info, declaration) in declared.items():
            variable = declaration.env
            if variable and os.environ.get(variable) and values.get(name, info.default) == info.default:
                values[name] = os.environ[variable]
                spell = _named_by_variable(spell, name, variable)
        try:
            section = (
                cls.model_validate_json(json.dumps(values, default=str), strict=True)
                if strict
                else cls.model_validate(values)
            )
        except ValidationError as error:
            raise ConfigError("; ".join(_describe(problem, declared, spell) for problem in error.errors())) from None
        for rule in cls.rules:
            if problem := rule(section, spell):
                raise ConfigError(problem)
        return section


def _refuse_unsupported(declaration: Flag, value: Any, spelled: str) -> None:
    if not declaration.supported and value is not False:
        raise ConfigError(f"{spelled} is not supported yet")
    if value in declaration.not_yet:
        raise ConfigError(f"{spelled} {value!r} is not supported yet")


def _named_by_variable(spell: Spell, field: str, variable: str) -> Spell:
    return lambda name: variable if name == field else spell(name)


def _describe(problem: Any, declared: Mapping[str, tuple[FieldInfo, Flag]], spell: Spell) -> str:
    """One pydantic problem in a person's words: option, value, what would be right."""
    message: str = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    name, value = str(problem["loc"][0]), problem["input"]
    if name in declared and declared[name][1].secret:
        return f"invalid value for {spell(name)}: {message}"
    shown = str(value) if isinstance(value, Path) else value
    return f"invalid value for {spell(name)}: {shown!r}: {message}"
