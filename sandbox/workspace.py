"""The directories of one session on the host: where it works, its temporary files, and their end.

Protects against a working directory that others can reach (its parent is private) and against one that cannot be
removed again (unreadable or very deep directories). Nothing in it is ever followed through a link.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxUnavailable

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_DEPTH = 100
NOBODY = 65534
"""User and group the code runs as when the server is root."""
FORBIDDEN = {"/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var"}


@dataclass(frozen=True)
class Workspace:
    """Made by `create`, removed by `remove`."""

    base: Path
    """Private parent of everything below."""
    work: Path
    """Working directory; below `base`, or the user's own."""
    uid: int
    gid: int

    @property
    def tmp(self) -> Path:
        """Private temporary files."""
        return self.base / "tmp"

    @property
    def stage(self) -> Path:
        """Empty directory on which the session's root is mounted."""
        return self.base / "root"

    @classmethod
    def create(cls, workdir: Path | None, isolated: bool) -> Workspace:
        """Make the directories, owned by the user the code will run as. Raises SandboxUnavailable."""
        uid, gid = (NOBODY, NOBODY) if isolated and os.geteuid() == 0 else (os.geteuid(), os.getegid())
        base = Path(os.path.realpath(tempfile.mkdtemp(prefix="mistralrs-")))
        own = base / "work"
        for path in (own, base / "tmp", base / "root"):
            path.mkdir(mode=0o700)
        if uid != os.geteuid():
            for path in (base, own, base / "tmp"):
                os.chown(path, uid, gid)
        try:
            return cls(base, _given(workdir, uid, gid) if workdir else own, uid, gid)
        except BaseException:
            remove_tree(base)
            raise

    def renew(self) -> None:
        """Make ready for a new interpreter: no temporary files, a way into the working directory if the code closed it.

        No process of the session may be alive.
        """
        _empty(str(self.tmp))
        status = self.work.stat()
        if status.st_uid == self.uid and status.st_mode & 0o700 != 0o700:
            self.work.chmod(stat.S_IMODE(status.st_mode) | 0o700)

    def remove(self) -> None:
        """Remove everything but a working directory the user gave; no process of the session may be alive."""
        remove_tree(self.base)


def _given(workdir: Path, uid: int, gid: int) -> Path:
    """Check, and make if needed, a working directory chosen by the user."""
    path = Path(os.path.realpath(workdir))
    if str(path) in FORBIDDEN:
        raise SandboxUnavailable(f"the working directory cannot be {str(path)!r}; give a directory of its own")
    if not path.exists():
        path.mkdir(parents=True, mode=0o700)
    if not path.is_dir():
        raise SandboxUnavailable(f"the working directory {str(path)!r} is not a directory")
    status = path.stat()
    if uid != os.geteuid() and status.st_uid != uid and not status.st_mode & stat.S_IWOTH:
        if any(path.iterdir()):
            raise SandboxUnavailable(
                f"the server is root, so code runs as user {uid}, who cannot write to the working directory "
                f"{str(path)!r}; give an empty directory, or `chown -R {uid}` it"
            )
        os.chown(path, uid, gid)
    return path


def remove_tree(top: Path) -> None:
    """Remove a directory whatever untrusted code made of it: unreadable, or thousands of levels deep."""
    if top.exists():
        _empty(str(top))
        top.rmdir()


def _empty(top: str) -> None:
    """Remove what is in `top`, depth first; what is deeper than `MAX_DEPTH` is moved up to be removed from there."""
    os.chmod(top, 0o700)
    root = os.open(top, DIRECTORY)
    stack = [(root, "", _without_files(root))]
    while stack:
        directory, own_name, below = stack[-1]
        if not below:
            os.close(directory)
            stack.pop()
            if stack:
                os.rmdir(own_name, dir_fd=stack[-1][0])
            continue
        name = below.pop()
        os.chmod(name, 0o700, dir_fd=directory)
        if len(stack) > MAX_DEPTH:
            moved = f".removing-{secrets.token_hex(8)}"
            os.rename(name, moved, src_dir_fd=directory, dst_dir_fd=root)
            stack[0][2].append(moved)
        else:
            inner = os.open(name, DIRECTORY, dir_fd=directory)
            stack.append((inner, name, _without_files(inner)))


def _without_files(directory: int) -> list[str]:
    """Remove everything but directories from one directory; return the names of those."""
    with os.scandir(directory) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_directory in entries:
        if not is_directory:
            os.unlink(name, dir_fd=directory)
    return [name for name, is_directory in entries if is_directory]
