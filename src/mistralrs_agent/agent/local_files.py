"""Files of the person who chats: attached from their disk, and saved to it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

from mistralrs_agent.agent.conversation import Conversation
from mistralrs_agent.errors import UserError
from mistralrs_agent.storage.files import MAX_FILE_BYTES, InputFile, StoredFile, safe_name
from mistralrs_agent.tools.file_text import described

_MENTION = re.compile(r'(?<!\S)@(?:"([^"]+)"|(\S+))')


def local_file(path: str) -> InputFile:
    """A file to attach.

    Raises: UserError when it cannot be read, or is too large.
    """
    place = _local(path)
    try:
        with place.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read {path!r}: {error.strerror or error}") from error
    if len(body) > MAX_FILE_BYTES:
        raise UserError(f"{path!r} is too large: the limit is {MAX_FILE_BYTES >> 20} MiB")
    return InputFile(place.name, body)


def mentioned_files(text: str) -> list[InputFile]:
    """The files that a message names as `@path` or `@"path with spaces"`; what is no file there is only text.

    Raises: UserError as `local_file`.
    """
    paths = dict.fromkeys(quoted or bare for quoted, bare in _MENTION.findall(text))
    found = (_existing(path) for path in paths)
    return [local_file(path) for path in found if path is not None]


def _existing(path: str) -> str | None:
    """The path, or the path without the punctuation of a sentence behind it, that is a file."""
    versions = (path, path.rstrip(".,;:!?)"))
    # not `Path.is_file`: it raises where a folder is closed to us, or a word after an @ too long for a name
    return next((version for version in versions if version and os.path.isfile(_local(version))), None)


def _local(path: str) -> Path:
    """Unlike `Path.expanduser` this leaves alone a `~name` that is nobody here."""
    return Path(os.path.expanduser(path))


def listing(files: Sequence[StoredFile]) -> str:
    """The files of a chat in words; of one path the newest."""
    newest = {file.path: file for file in files}
    return "\n".join(map(described, newest.values())) or "There are no files in this chat yet."


async def save_file(conversation: Conversation, words: str) -> Path:
    """Save a file of the chat to this disk; `words` are its name and, if wanted, a folder. Nothing is overwritten.

    Raises: UserError.
    """
    files = {file.path: file for file in await conversation.files()}
    wanted = next((path for path in sorted(files, key=len, reverse=True) if f"{words} ".startswith(f"{path} ")), None)
    if wanted is None:
        raise UserError(f"there is no file {words!r} in this chat; /files lists them")
    folder = words[len(wanted) :].strip() or "."
    body = await conversation.file_contents(files[wanted])
    return await asyncio.to_thread(_write_new, folder, safe_name(wanted), body)


def _write_new(folder: str, name: str, body: bytes) -> Path:
    stem, suffix = Path(name).stem, Path(name).suffix
    number = 1
    while True:
        path = _local(folder) / (name if number == 1 else f"{stem}-{number}{suffix}")
        try:
            with path.open("xb") as file:
                file.write(body)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise UserError(f"cannot write to {folder!r}: {error.strerror or error}") from error
        else:
            return path
