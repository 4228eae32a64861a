"""Files that the code made or is given, read and written by the server without being led astray.

Protects the server's own files: a path is opened beneath the working directory, no link anywhere in it is followed,
and what was opened, not what was named, is checked: a regular file with one name and a bounded size. Writing only ever
makes a file that was not there. Looking for files is bounded too. Names and contents are untrusted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sandbox.errors import FileRefused
from sandbox.linux.kernel import syscall

MAX_FILE_BYTES = 32 * 2**20
MAX_FILES = 100
MAX_ENTRIES = 5000
MAX_DEPTH = 8
SKIPPED = {"__pycache__", "node_modules", "target", "venv", "env", "site-packages", "skills", "tmp", "temp", "cache"}
SKIPPED_ENDINGS = (".pyc", ".pyo", ".o", ".obj", ".class")
CLOCK_STEP_NS = 20_000_000
"""File times come from a clock that is behind by up to one tick of the kernel."""
UNTELLABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and bytes that are no text: neither can go into JSON, or onto a terminal, as they are."""
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC
PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""To open a directory only to go on from there."""
RESOLVE_NO_MAGIC_LINKS, RESOLVE_NO_LINKS, RESOLVE_BENEATH = 0x02, 0x04, 0x08


@dataclass(frozen=True, slots=True)
class ProducedFile:
    """A file in the working directory, as it was when we looked."""

    name: str
    """Relative to the working directory."""
    size: int


def read(directory: Path, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the contents of `name` below `directory`. Raises FileRefused, FileNotFoundError."""
    parts = _parts(name)
    top = os.open(directory, PASS)
    try:
        fd = _open_beneath(top, parts)
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "there is no such file in the working directory", name) from None
    except OSError as error:
        raise FileRefused(f"{name!r} cannot be read: {error.strerror}") from error
    finally:
        os.close(top)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise FileRefused(f"{name!r} is not a regular file")
        if status.st_nlink != 1:
            raise FileRefused(f"{name!r} has {status.st_nlink} names; only files with one are read")
        with open(fd, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    finally:
        os.close(fd)
    if len(content) > max_bytes:
        raise FileRefused(f"{name!r} is larger than {max_bytes} bytes")
    return content


def write(
    directory: Path, name: str, content: bytes, owner: tuple[int, int] | None = None, *, executable: bool = False
) -> None:
    """Make the file `name` below `directory`, and the directories on its way, for `owner` (user and group id).

    Raises FileExistsError when something has that name, FileRefused when the way leads elsewhere or there is no room.
    """
    parts = _parts(name)
    here = os.open(directory, DIRECTORY)
    try:
        for part in parts[:-1]:
            there = _directory(here, part, owner)
            os.close(here)
            here = there
        _make_file(here, parts[-1], content, owner, 0o700 if executable else 0o600)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "there is a file of this name in the working directory", name) from None
    except (OSError, ValueError) as error:
        raise FileRefused(f"{name!r} cannot be written: {getattr(error, 'strerror', error)}") from error
    finally:
        os.close(here)


def changed_since(directory: Path, time_ns: int) -> tuple[ProducedFile, ...]:
    """Regular files below `directory` made or changed since `time_ns` (Unix time), at most `MAX_FILES`, by name.

    Hidden ones, what tools leave behind (`SKIPPED`) and names that cannot be told are left out; links are not
    followed.
    """
    since = time_ns - CLOCK_STEP_NS
    found: list[ProducedFile] = []
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    budget = [MAX_ENTRIES]
    try:
        for name, status in _walk(top, "", 0, budget):
            if status.st_ctime_ns >= since and status.st_nlink == 1:
                found.append(ProducedFile(name, status.st_size))
            if len(found) >= MAX_FILES:
                break
    finally:
        os.close(top)
    return tuple(sorted(found, key=lambda file: file.name))


def _walk(directory: int, prefix: str, depth: int, budget: list[int]) -> Iterator[tuple[str, os.stat_result]]:
    below: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            budget[0] -= 1
            if budget[0] < 0:
                return
            if entry.name.startswith(".") or entry.name in SKIPPED or UNTELLABLE.search(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone while we looked
            if stat.S_ISREG(status.st_mode) and not entry.name.endswith(SKIPPED_ENDINGS):
                yield prefix + entry.name, status
            elif stat.S_ISDIR(status.st_mode) and depth < MAX_DEPTH:
                below.append(entry.name)
    for name in below:
        try:
            inner = os.open(name, FLAGS | os.O_DIRECTORY, dir_fd=directory)
        except OSError:
            continue  # not ours to read, or replaced by a link
        try:
            yield from _walk(inner, f"{prefix}{name}/", depth + 1, budget)
        finally:
            os.close(inner)


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a relative path. Raises FileRefused."""
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or any(part in ("/", "..") for part in parts):
        raise FileRefused(f"{name!r} is not the name of a file in the working directory")
    return parts


def _directory(above: int, name: str, owner: tuple[int, int] | None) -> int:
    """Open a directory in another one, made if it is not there. Raises OSError, for links too."""
    try:
        os.mkdir(name, 0o700, dir_fd=above)
    except FileExistsError:
        return os.open(name, DIRECTORY, dir_fd=above)
    made = os.open(name, DIRECTORY, dir_fd=above)
    if owner is not None:
        os.fchown(made, *owner)
    return made


def _make_file(directory: int, name: str, content: bytes, owner: tuple[int, int] | None, mode: int) -> None:
    """Raises OSError; then nothing is left of the file."""
    fd = os.open(name, NEW_FILE, mode, dir_fd=directory)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            if owner is not None:
                os.fchown(fd, *owner)
    except OSError:
        os.unlink(name, dir_fd=directory)
        raise


def _open_beneath(top: int, parts: tuple[str, ...]) -> int:
    """Open a path by its parts with no link followed. Raises OSError."""
    how = struct.pack("=QQQ", FLAGS, 0, RESOLVE_BENEATH | RESOLVE_NO_LINKS | RESOLVE_NO_MAGIC_LINKS)
    try:
        path = os.fsencode("/".join(parts))
        return syscall("openat2", top, path, ctypes.create_string_buffer(how, len(how)), len(how))
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM, None):
            raise
    here = os.dup(top)  # no such call in this kernel or container: one part at a time
    for part in parts:
        kind = FLAGS if part is parts[-1] else PASS | os.O_NOFOLLOW
        try:
            there = os.open(part, kind, dir_fd=here)
        finally:
            os.close(here)
        here = there
    return here
