"""Configuration files: TOML tables with the keys of the sections (or the older JSON layout)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast

from mistralrs_agent.errors import ConfigError
from mistralrs_agent.options import RUN, SECTIONS, SERVE, Options, Section
from mistralrs_agent.options.legacy_json import tables_from_json

Table = dict[str, Any]
Command = Literal["serve", "run"]

_OWN_KEYS = ("command", "default_model_id")
"""Top-level keys that no section holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a file."""

    table: str
    """Dotted name of its table; "" is the top level."""
    key: str
    value: Any

    @property
    def path(self) -> str:
        return f"{self.table}.{self.key}" if self.table else self.key


def load_options(path: Path) -> tuple[Command, Options]:
    """Read a configuration file: the command it is for, and every option.

    Raises: ConfigError naming the file and the key.
    """
    try:
        return _interpret(_read(path))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _read(path: Path) -> Table:
    try:
        text = path.read_text(encoding="utf-8")
        match path.suffix:
            case ".toml":
                return tomllib.loads(text)
            case ".json":
                return tables_from_json(text)
            case _:
                raise ConfigError("the file name should end in .toml (or .json, the older layout)")
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file: {error.strerror}") from None
    except ValueError as error:  # also UnicodeDecodeError, TOMLDecodeError, JSONDecodeError
        raise ConfigError(f"not a valid configuration file: {error}") from None


def _interpret(tables: Table) -> tuple[Command, Options]:
    command = tables.get("command", "serve")
    if command not in ("serve", "run"):
        raise ConfigError(f"invalid value for command: {command!r}: should be 'serve' or 'run'")
    model = _only_model(tables)
    _check_default(tables.get("default_model_id"), model)
    entries = [*_entries("", {**tables, "models": model}, skip=_OWN_KEYS)]
    names = SERVE if command == "serve" else RUN
    _refuse_unknown(entries, names, command)
    sections: dict[str, Any] = {name: _section(SECTIONS[name], entries) for name in names}
    return command, Options(**sections)


def _only_model(tables: Table) -> Table:
    models = tables.get("models", [{}])
    if not isinstance(models, list) or not all(isinstance(model, dict) for model in cast("list[Any]", models)):
        raise ConfigError("models is a list of tables; write [[models]] with double brackets")
    found = cast("list[Table]", models)
    if len(found) > 1:
        raise ConfigError(f"several models in one server are not supported yet; the file lists {len(found)}, keep one")
    return found[0] if found else {}


def _check_default(default: object, model: Table) -> None:
    known = [name for name in (model.get("alias"), model.get("model_id")) if name]
    if default is not None and default not in known:
        raise ConfigError(f"default_model_id {default!r} is not the id of a model in this file: {known}")


def _entries(table: str, content: Mapping[str, Any], skip: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Every key with its dotted table. A table of ours is walked into; any other value is left to its section."""
    for key, value in content.items():
        inner = f"{table}.{key}" if table else key
        if key in skip:
            continue
        if inner in _tables() and isinstance(value, dict):
            yield from _entries(inner, cast("Table", value))
        else:
            yield Entry(table, key, value)


def _tables() -> set[str]:
    return {table for section in SECTIONS.values() for table in section.tables}


def _fields_by_key(section: type[Section]) -> dict[str, str]:
    """Key in a file → field, older keys included."""
    return {
        key: name
        for name, (_, declaration) in section.flags().items()
        if declaration.in_files
        for key in (name, *declaration.keys)
    }


def _section(section: type[Section], entries: list[Entry]) -> Section:
    given: dict[str, Entry] = {}
    fields = _fields_by_key(section)
    for table in reversed(section.tables):  # the usual table is looked at last, so it wins
        given |= {fields[entry.key]: entry for entry in entries if entry.table == table and entry.key in fields}
    paths = {name: entry.path for name, entry in given.items()}
    values = {name: entry.value for name, entry in given.items()}
    return section.build(values, lambda name: paths.get(name) or Entry(section.tables[0], name, None).path, strict=True)


def _refuse_unknown(entries: list[Entry], names: tuple[str, ...], command: str) -> None:
    known = _known_paths(names)
    for entry in entries:
        if entry.path in known:
            continue
        if entry.path in _known_paths(tuple(SECTIONS)):
            raise ConfigError(f"{entry.path} has no meaning for the command {command!r}")
        raise ConfigError(f"unknown key {entry.path}{_suggestion(entry, known)}")


def _known_paths(names: tuple[str, ...]) -> set[str]:
    return {
        Entry(table, key, None).path
        for name in names
        for table in SECTIONS[name].tables
        for key in _fields_by_key(SECTIONS[name])
    }


def _suggestion(entry: Entry, known: set[str]) -> str:
    """The known key that the person most likely meant: nearest spelling, or the same key in another table."""
    elsewhere = sorted(path for path in known if path.rpartition(".")[2] == entry.key)
    nearest = elsewhere or get_close_matches(entry.path, sorted(known | set(_OWN_KEYS)), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""
