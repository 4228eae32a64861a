"""Skills: folders with a `SKILL.md` that tells a model how to do something, and the files it needs for that.

Under one folder lie skills that its owner put there (`NAME/SKILL.md`) and uploaded ones with their versions
(`skill_ID/1/SKILL.md`, `skill_ID/2/SKILL.md`). The tree is all there is: nothing is kept beside it.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

import yaml

from mistralrs_agent.errors import RequestError, UserError
from mistralrs_agent.storage.packages import MAX_BYTES, MAX_FILES, Package

log = logging.getLogger(__name__)

MANUAL = "SKILL.md"
MAX_MANUAL_BYTES = 256 << 10
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_UNFINISHED = ".new-"
"""Begins the name of a folder that is being written."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_UPLOADED = re.compile(r"skill_[0-9a-f-]{36}")
_MAX_DESCRIPTION = 1024
_MAX_HEAD = 8192
_MAX_BRACKETS = 100
"""Nested brackets take the parser time that grows with their square."""


@dataclass(frozen=True, slots=True)
class Skill:
    """One version of a skill."""

    id: str
    """`skill_…` for uploaded ones, else the name."""
    name: str
    description: str
    version: int
    """Counts from 1; of a skill that was never uploaded it is 1."""
    versions: tuple[int, ...]
    """All there are."""
    created: float
    """Of this version, seconds since 1970."""
    folder: Path
    uploaded: bool

    def manual(self) -> str:
        """What `SKILL.md` says."""
        return _read_manual(self.folder)

    def paths(self) -> list[str]:
        """Its files, relative to the skill, at most `MAX_FILES`; links and hidden files are left out."""
        found: list[str] = []
        for directory, below, names in os.walk(self.folder):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                path = Path(directory, name)
                if not name.startswith(".") and stat.S_ISREG(path.lstat().st_mode):
                    found.append(path.relative_to(self.folder).as_posix())
        return sorted(found, key=lambda path: (path != MANUAL, path))[:MAX_FILES]

    def read(self, path: str) -> tuple[bytes, bool]:
        """Contents of one of `paths`, and whether it can be run."""
        place = self.folder / path
        return place.read_bytes()[:MAX_BYTES], os.access(place, os.X_OK)


class SkillStore:
    """The skills of a server. Calls are short; uploads write up to `MAX_BYTES`."""

    def __init__(self, folder: Path) -> None:
        """Raises: UserError when the folder cannot be used."""
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for entry in folder.iterdir():
                if entry.name.startswith(_UNFINISHED):
                    shutil.rmtree(entry)
        except OSError as error:
            raise UserError(f"cannot keep skills in {str(folder)!r}: {error.strerror or error}") from error

    def own(self) -> list[Skill]:
        """The skills that the owner of the folder put there, by name. What is no skill is left out, and logged."""
        return [skill for skill in self.all() if not skill.uploaded]

    def all(self) -> list[Skill]:
        """The newest version of every skill."""
        found: list[Skill] = []
        for entry in sorted(self._folder.iterdir()):
            try:
                if not entry.name.startswith(".") and entry.is_dir() and (skill := self._newest(entry)):
                    found.append(skill)
            except (UserError, OSError) as error:
                log.warning("%s is not a skill: %s", entry, error)
        return found

    def get(self, wanted: str, version: int | None = None) -> Skill:
        """A skill by its id or name, in one version or the newest.

        Raises: RequestError (404).
        """
        skill = next((skill for skill in self.all() if wanted in (skill.id, skill.name)), None)
        if skill is None:
            raise RequestError(f"No skill {wanted!r}.", status=404, code="skill_not_found")
        if version in (None, skill.version):
            return skill
        if version not in skill.versions:
            raise RequestError(
                f"Skill {wanted!r} has no version {version}.", status=404, code="skill_version_not_found"
            )
        return self._version(skill.id, version, skill.versions)

    def add(self, package: Package) -> Skill:
        """Keep a new skill.

        Raises: RequestError (422) when it is none.
        """
        return self._write(f"skill_{uuid4()}", 1, package)

    def add_version(self, skill_id: str, package: Package) -> Skill:
        """Keep a new version of an uploaded skill.

        Raises: RequestError.
        """
        skill = self._changeable(skill_id)
        return self._write(skill.id, skill.versions[-1] + 1, package)

    def delete(self, skill_id: str) -> None:
        """Raises: RequestError for an unknown one, and for one of the owner's own."""
        shutil.rmtree(self._folder / self._changeable(skill_id).id)

    def delete_version(self, skill_id: str, version: int) -> None:
        """Raises: RequestError for an unknown one, and for the last one that is left."""
        skill = self.get(self._changeable(skill_id).id, version)
        if len(skill.versions) == 1:
            raise RequestError("This is the only version; delete the skill instead.", status=409)
        shutil.rmtree(skill.folder)

    def _changeable(self, skill_id: str) -> Skill:
        skill = self.get(skill_id)
        if not skill.uploaded:
            raise RequestError(f"Skill {skill_id!r} was not uploaded; change it in its folder.", status=403)
        return skill

    def _newest(self, entry: Path) -> Skill | None:
        if not _UPLOADED.fullmatch(entry.name):
            if not (entry / MANUAL).is_file():
                return None
            name, description = front_matter(_read_manual(entry))
            return Skill(name, name, description, 1, (1,), entry.stat().st_mtime, entry, uploaded=False)
        versions = tuple(sorted(int(folder.name) for folder in entry.iterdir() if folder.name.isdecimal()))
        return self._version(entry.name, versions[-1], versions) if versions else None

    def _version(self, skill_id: str, version: int, versions: tuple[int, ...]) -> Skill:
        folder = self._folder / skill_id / str(version)
        name, description = front_matter(_read_manual(folder))
        return Skill(skill_id, name, description, version, versions, folder.stat().st_mtime, folder, uploaded=True)

    def _write(self, skill_id: str, version: int, package: Package) -> Skill:
        """All at once, or not at all."""
        name, _ = front_matter(_text(package.files.get(MANUAL, b"")))
        if any(name == other.name and other.id != skill_id for other in self.all()):
            raise RequestError(f"There is a skill {name!r} already; upload a version of it.", status=409)
        unfinished = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            for path, body in package.files.items():
                place = unfinished / PurePosixPath(path)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(body)
                place.chmod(0o755 if path in package.executable else 0o644)
            (self._folder / skill_id).mkdir(exist_ok=True)
            unfinished.rename(self._folder / skill_id / str(version))
        except OSError as error:
            raise UserError(f"the skill cannot be kept: {error.strerror or error}") from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return self.get(skill_id)


def front_matter(manual: str) -> tuple[str, str]:
    """Name and description at the head of a `SKILL.md`.

    Raises: RequestError (422) that says what is missing or wrong.
    """
    found = _FRONT_MATTER.match(manual.lstrip("\ufeff"))
    if found is None:
        raise _wrong(f"{MANUAL} must begin with front matter: a line '---', name and description, and a line '---'")
    if len(found[1]) > _MAX_HEAD or found[1].count("[") + found[1].count("{") > _MAX_BRACKETS:
        raise _wrong(f"the front matter of {MANUAL} is too long or nested too deeply")
    try:
        fields = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _wrong(f"the front matter of {MANUAL} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(fields, Mapping):
        raise _wrong(f"the front matter of {MANUAL} must hold name and description")
    name, description = fields.get("name"), fields.get("description")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or _UPLOADED.fullmatch(name):
        raise _wrong(f"name in {MANUAL} is {name!r}; it must be 1 to 64 letters, digits, '-', '_' or '.'")
    if not isinstance(description, str) or not 0 < len(description.strip()) <= _MAX_DESCRIPTION:
        raise _wrong(f"description in {MANUAL} must have 1 to {_MAX_DESCRIPTION} characters")
    return name, " ".join(description.split())


def _wrong(message: str) -> RequestError:
    return RequestError(message, status=422, code="invalid_skill")


def _read_manual(folder: Path) -> str:
    """Raises: OSError, also for a link; RequestError when it is too large or no text."""
    fd = os.open(folder / MANUAL, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        return _text(file.read(MAX_MANUAL_BYTES + 1))


def _text(manual: bytes) -> str:
    if len(manual) > MAX_MANUAL_BYTES:
        raise _wrong(f"{MANUAL} is larger than {MAX_MANUAL_BYTES >> 10} KiB")
    try:
        return manual.decode()
    except UnicodeDecodeError as error:
        raise _wrong(f"{MANUAL} is not UTF-8") from error
