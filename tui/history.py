"""Messages typed before, kept across runs."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

MAX_ENTRIES = 500


def default_path() -> Path:
    """Under XDG_STATE_HOME."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "mistralrs" / "prompt-history.jsonl"


class PromptHistory:
    """Walks through earlier messages like a shell does. The file holds one JSON string a line, newest last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = self._read()
        self._position = len(self._entries)
        self._draft = ""

    def older(self, current: str) -> str | None:
        """The message before the one shown; None at the oldest. `current` is kept when it is not from the history."""
        if self._position == 0:
            return None
        if self._position == len(self._entries):
            self._draft = current
        self._position -= 1
        return self._entries[self._position]

    def newer(self) -> str | None:
        """The message after the one shown, at last what was being typed; None when that is already shown."""
        if self._position == len(self._entries):
            return None
        self._position += 1
        return self._draft if self._position == len(self._entries) else self._entries[self._position]

    def add(self, text: str) -> None:
        """Remember a message and go back to the end. Merges with what other chats wrote to the file.

        Raises: OSError when the file cannot be written; the message is remembered for this run all the same.
        """
        entries = self._read() if self._path.exists() else self._entries
        self._entries = [*(entry for entry in entries if entry != text), text][-MAX_ENTRIES:]
        self._position = len(self._entries)
        self._write()

    def _read(self) -> list[str]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        entries: list[str] = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # a broken line costs itself, not the history
            if isinstance(entry, str):
                entries.append(entry)
        return entries[-MAX_ENTRIES:]

    def _write(self) -> None:
        """Replace the file in one step; only its owner may read it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(entry) + "\n" for entry in self._entries)
            os.replace(temporary, self._path)
        except OSError:
            os.unlink(temporary)
            raise
