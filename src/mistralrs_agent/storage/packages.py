"""Packages of files from outside (a zip file, or files with paths), checked before anything is written.

Protects the folder they are unpacked into and the machine's memory: names that lead elsewhere, links, too many files
and bombs are refused. What is in the files is not looked at.
"""

from __future__ import annotations

import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mistralrs_agent.errors import RequestError

MAX_FILES = 500
MAX_BYTES = 50 << 20
"""Unpacked, all files together."""
MAX_DEPTH = 16
_JUNK = ("__MACOSX", ".DS_Store")
_ENCRYPTED = 0x1
_ENTRY = b"PK\1\2"
"""Begins each entry in the directory of a zip file."""
_MAX_ENTRIES = 20 * MAX_FILES


@dataclass(frozen=True, slots=True)
class Package:
    """The files of one top folder, by their paths in it."""

    files: Mapping[str, bytes]
    executable: frozenset[str] = frozenset()


def unzipped(body: bytes, root_file: str) -> Package:
    """Read a zip file with one top folder that holds `root_file`.

    Raises: RequestError (422).
    """
    files: dict[str, bytes] = {}
    executable: set[str] = set()
    left = MAX_BYTES
    if body.count(_ENTRY) > _MAX_ENTRIES:  # before each of them becomes an object
        raise _wrong(f"the zip file has too many entries; at most {MAX_FILES} files are taken")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                _check(member)
                if member.is_dir() or _is_junk(member.filename):
                    continue
                with archive.open(member) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise _wrong(f"unpacked the files are larger than {MAX_BYTES >> 20} MiB")
                if member.filename in files:
                    raise _wrong(f"the zip file holds {member.filename!r} twice")
                files[member.filename] = content
                if member.external_attr >> 16 & stat.S_IXUSR:
                    executable.add(member.filename)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        NotImplementedError,  # zipfile's, for a compression or a zip version that it cannot read
        OSError,
        ValueError,
    ) as error:
        raise _wrong(f"the upload is not a zip file that can be read: {error}") from error
    return _without_top(files, executable, root_file)


def of_files(files: Iterable[tuple[str, bytes]], root_file: str) -> Package:
    """Files uploaded one by one, each with its path, all in one top folder that holds `root_file`.

    Raises: RequestError (422).
    """
    found: dict[str, bytes] = {}
    for name, body in files:
        if name in found:
            raise _wrong(f"{name!r} was sent twice")
        found[name] = body
    if sum(map(len, found.values())) > MAX_BYTES:
        raise _wrong(f"the files are larger than {MAX_BYTES >> 20} MiB")
    return _without_top(found, set(), root_file)


def _is_junk(name: str) -> bool:
    parts = name.split("/")
    return parts[0] == _JUNK[0] or parts[-1] == _JUNK[1]


def _check(member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _wrong(f"{member.filename!r} is a link or a device; only plain files are taken")
    if member.flag_bits & _ENCRYPTED:
        raise _wrong(f"{member.filename!r} is encrypted")


def _without_top(files: Mapping[str, bytes], executable: set[str], root_file: str) -> Package:
    """The files by their path in the one top folder, names checked."""
    if len(files) > MAX_FILES:
        raise _wrong(f"there are {len(files)} files; the limit is {MAX_FILES}")
    for name in files:
        _check_name(name)
    tops = {name.partition("/")[0] for name in files}
    if len(tops) != 1 or f"{next(iter(tops))}/{root_file}" not in files:
        raise _wrong(f"all files must be in one folder, with {root_file} in it")
    cut = len(next(iter(tops))) + 1
    folded = {name.casefold() for name in files}
    folders = {folder for name in folded for folder in _folders(name)}
    if len(folded) < len(files) or folders & folded:
        raise _wrong("two files have the same name, but for upper and lower case, or a file is named like a folder")
    return Package({name[cut:]: body for name, body in files.items()}, frozenset(name[cut:] for name in executable))


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _check_name(name: str) -> None:
    """Raises: RequestError for what is no plain relative path on every system."""
    parts = name.split("/")
    plain = name.isprintable() and not set(name) & set('\\:*?"<>|')
    if not plain or len(parts) > MAX_DEPTH or any(not _is_plain_part(part) for part in parts):
        raise _wrong(f"{name!r} is not a plain relative path")


def _is_plain_part(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode("utf-8", "replace")) <= 200 and part[-1] not in ". "


def _wrong(message: str) -> RequestError:
    return RequestError(message, status=422, code="invalid_skill")
