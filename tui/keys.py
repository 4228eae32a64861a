"""Every key of the app. Each has an id, so that `App.set_keymap` can move it; footer and help read them here."""

from __future__ import annotations

from itertools import zip_longest

from textual.binding import Binding

CHAT_KEYS: list[Binding] = [
    Binding("escape", "stop", "Stop", id="chat.stop"),
    Binding("ctrl+c", "interrupt", "Copy, stop or leave", id="chat.interrupt", show=False, priority=True),
    Binding("ctrl+o", "fold_cards", "Fold cards", id="chat.fold_cards", priority=True),
    Binding("pageup", "page_up", "Scroll up", id="chat.page_up", show=False, priority=True),
    Binding("pagedown", "page_down", "Scroll down", id="chat.page_down", show=False, priority=True),
    Binding("f1", "help", "Help", id="chat.help"),
]

PROMPT_KEYS: list[Binding] = [
    Binding("enter", "submit", "Send", id="prompt.submit"),
    Binding("shift+enter,ctrl+j,alt+enter", "newline", "New line", id="prompt.newline", key_display="^j"),
    Binding("tab", "complete", "Complete", id="prompt.complete", show=False),
    Binding("up", "older", "Earlier message", id="prompt.older", show=False),
    Binding("down", "newer", "Later message", id="prompt.newer", show=False),
    Binding("ctrl+u", "clear_text", "Clear the text", id="prompt.clear", show=False),
    Binding("ctrl+d", "delete_or_leave", "Leave", id="prompt.leave", show=False),
]

APPROVAL_KEYS: list[Binding] = [
    Binding("y", "decide('yes')", "Allow", id="approval.yes", show=False),
    Binding("n", "decide('no')", "Deny", id="approval.no", show=False),
    Binding("a", "decide('always')", "Always allow", id="approval.always", show=False),
    Binding("up", "scroll(-1)", "Scroll up", id="approval.scroll_up", show=False),
    Binding("down", "scroll(1)", "Scroll down", id="approval.scroll_down", show=False),
]

FOLD_KEYS: list[Binding] = [Binding("enter,space", "fold", "Fold or unfold", id="fold.toggle")]


def key_help() -> str:
    """The keys of the chat in two columns."""
    bindings = [*PROMPT_KEYS, *CHAT_KEYS]
    cells = [f"{_readable(binding.key):<8}{binding.description.lower()}" for binding in bindings]
    half = (len(cells) + 1) // 2
    return "\n".join(f"{left:<34}{right}" for left, right in zip_longest(cells[:half], cells[half:], fillvalue=""))


def _readable(keys: str) -> str:
    """`ctrl+j` → `Ctrl-J`; of several keys the first that every terminal can send."""
    key = next(key for key in keys.split(",") if not key.startswith("shift+"))
    return "-".join(_SHORT.get(part, part.capitalize()) for part in key.split("+"))


_SHORT = {"escape": "Esc", "pageup": "PgUp", "pagedown": "PgDn"}
