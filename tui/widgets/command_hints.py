"""Commands that fit what is being typed."""

from __future__ import annotations

from tui.commands import matching
from tui.widgets.plain import Plain


class CommandHints(Plain):
    """Shows itself while the prompt holds the beginning of a command."""

    def suggest(self, text: str) -> None:
        commands = matching(text)
        width = max((len(command.usage) for command in commands), default=0)
        self.show("\n".join(f"{command.usage:<{width}}  {command.summary}" for command in commands))
        self.display = bool(commands)
