"""Slash commands: one table for what can be typed, the help text, completion and the palette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from mistralrs_agent.agent.events import Permission
from mistralrs_agent.errors import UserError
from tui.keys import key_help

PYTHON_TOOL = "mistralrs_execute_python"
SEARCH_TOOL = "mistralrs_search_the_web"


class Chat(Protocol):
    """What commands may do."""

    @property
    def tools(self) -> tuple[str, ...]: ...

    @property
    def sandbox(self) -> str:
        """What stands around the tools that run code: a summary, then a row a layer."""
        ...

    def ask(self, text: str, *, force_tool: str | None = None) -> None: ...

    async def say(self, text: str) -> None:
        """Show a note in the transcript."""
        ...

    async def clear(self) -> None: ...

    async def set_permission(self, permission: Permission) -> None: ...

    def copy_answer(self) -> None: ...

    def attach(self, path: str) -> None:
        """Send a file along with the next message."""
        ...

    def detach(self) -> None:
        """Take back every file that waits for the next message."""
        ...

    async def list_files(self) -> None: ...

    async def save_file(self, words: str) -> None:
        """`words`: name of a file of the chat and, if wanted, a folder."""
        ...

    def leave(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    """Without the slash."""
    arguments: str
    """As shown in help, such as `TEXT`; empty when it takes none."""
    summary: str
    run: Callable[[Chat, str], Awaitable[None]]
    """Gets the chat and what stands behind the name. Raises: UserError."""

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.arguments}".rstrip()


async def _help(chat: Chat, _: str) -> None:
    width = max(len(command.usage) for command in COMMANDS)
    commands = "\n".join(f"{command.usage:<{width}}  {command.summary}" for command in COMMANDS)
    await chat.say(f"{commands}\n\n{key_help()}")


async def _exit(chat: Chat, _: str) -> None:
    chat.leave()


async def _clear(chat: Chat, _: str) -> None:
    await chat.clear()


async def _tools(chat: Chat, _: str) -> None:
    await chat.say("\n".join(["Tools of this chat:", *chat.tools]) if chat.tools else "This chat has no tools.")


async def _sandbox(chat: Chat, _: str) -> None:
    await chat.say(chat.sandbox)


async def _copy(chat: Chat, _: str) -> None:
    chat.copy_answer()


async def _attach(chat: Chat, path: str) -> None:
    if not path:
        raise UserError(_needs("path"))
    chat.attach(path)


async def _detach(chat: Chat, _: str) -> None:
    chat.detach()


async def _files(chat: Chat, _: str) -> None:
    await chat.list_files()


async def _save(chat: Chat, words: str) -> None:
    if not words:
        raise UserError(_needs("file name"))
    await chat.save_file(words)


async def _permission(chat: Chat, mode: str) -> None:
    if mode not in list(Permission):
        raise UserError(f"{mode!r} is no permission: write /permission auto, ask or deny" if mode else _needs("mode"))
    await chat.set_permission(Permission(mode))


async def _tool(chat: Chat, rest: str) -> None:
    name, _, text = rest.partition(" ")
    _force(chat, name, text.strip())


async def _python(chat: Chat, text: str) -> None:
    _force(chat, PYTHON_TOOL, text)


async def _search(chat: Chat, text: str) -> None:
    _force(chat, SEARCH_TOOL, text)


def _force(chat: Chat, tool: str, text: str) -> None:
    if tool and tool not in chat.tools:
        raise UserError(f"there is no tool {tool!r} in this chat; /tools lists them")
    if not text:
        raise UserError(_needs("message"))
    chat.ask(text, force_tool=tool)


def _needs(what: str) -> str:
    return f"write a {what} after the command; /help shows how"


HELP = Command("help", "", "commands and keys", _help)
COMMANDS = (
    HELP,
    Command("python", "TEXT", "send TEXT; the model must run Python first", _python),
    Command("search", "TEXT", "send TEXT; the model must search the web first", _search),
    Command("tool", "NAME TEXT", "send TEXT; the model must call NAME first", _tool),
    Command("tools", "", "list the tools of this chat", _tools),
    Command("sandbox", "", "what stands around the tools that run code", _sandbox),
    Command("attach", "PATH", "send a file with the next message (or @PATH)", _attach),
    Command("detach", "", "take attached files back before they are sent", _detach),
    Command("files", "", "list the files of this chat", _files),
    Command("save", "NAME [FOLDER]", "save a file of this chat to your disk", _save),
    Command("permission", "auto|ask|deny", "what happens before a tool runs", _permission),
    Command("copy", "", "copy the last answer", _copy),
    Command("clear", "", "start over: empty history, fresh interpreter", _clear),
    Command("exit", "", "leave", _exit),
)


def parse(text: str) -> tuple[Command, str] | None:
    """The command in a message and what stands behind it; None when the message is none (a path is none either).

    Raises: UserError for a command that does not exist, naming the nearest.
    """
    if not text.startswith("/"):
        return None
    name, *rest = text[1:].split(maxsplit=1) or [""]
    if "/" in name:
        return None
    by_name = {command.name: command for command in COMMANDS}
    if name not in by_name:
        near = get_close_matches(name, by_name, n=1)
        raise UserError(
            f"there is no command /{name}; " + (f"did you mean /{near[0]}?" if near else "/help lists them")
        )
    return by_name[name], rest[0].strip() if rest else ""


def matching(text: str) -> list[Command]:
    """Commands that `text`, the beginning of one, can become."""
    return [command for command in COMMANDS if f"/{command.name}".startswith(text)] if text.startswith("/") else []
