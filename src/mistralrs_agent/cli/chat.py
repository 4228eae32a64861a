"""A chat in the terminal: with a model in this program, or with a server."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

import click

from mistralrs_agent.agent.conversation import Conversation
from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.cli import plain
from mistralrs_agent.cli.logs import LogStyle, log_to_file, log_to_terminal
from mistralrs_agent.cli.wiring import open_agent
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.options import Options


def chat_with_model(options: Options) -> None:
    """Load the model, then answer once, line by line, or in the full-screen chat."""
    question = _question(options.chat.input)
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    whole_screen = on_terminal and not options.chat.plain and question is None
    log_to_terminal(LogStyle.of(options), quiet=True)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            running = runner.run(stack.enter_async_context(open_agent(options, _say)))
            thinking = options.chat.thinking
            conversation = LocalConversation(
                running.agent,
                running.sandbox_summary,
                sandbox_table=running.sandbox_table,
                enable_thinking=thinking,
            )
            if question is not None:
                _say(conversation.info.notice)
                runner.run(plain.answer_once(conversation, question))
            elif whole_screen:
                log_to_file(LogStyle.of(options))
                runner.run(full_screen(conversation))
            else:
                plain.chat(runner, conversation)
        finally:
            runner.run(stack.aclose())


async def chat_with_server(url: str, api_key: str | None) -> None:
    """The full-screen chat with a running server.

    Raises: UserError when there is none at `url`.
    """
    from mistralrs_agent.client import RemoteConversation  # noqa: PLC0415 - HTTP, which a model here does not need

    conversation = await RemoteConversation.connect(url, api_key)
    try:
        await full_screen(conversation)
    finally:
        await conversation.close()


async def full_screen(conversation: Conversation) -> None:
    """Show the terminal app until the person leaves, the terminal is gone or SIGTERM comes."""
    from tui.app import ChatApp  # noqa: PLC0415 - only where there is a screen
    from tui.hangup import hangup, writing_never_fails  # noqa: PLC0415
    from tui.typed_ahead import typed_ahead  # noqa: PLC0415

    app = ChatApp(conversation, typed=typed_ahead(sys.stdin.fileno()))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.exit)

    async def exit_on_hangup() -> None:
        await hangup(sys.stdin.fileno())
        app.exit()

    watching = asyncio.create_task(exit_on_hangup())
    try:
        with writing_never_fails():
            await app.run_async()
    finally:
        watching.cancel()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
    if app.return_code:  # it broke, and has said how
        raise click.exceptions.Exit(app.return_code)


def _question(given: str | None) -> str | None:
    """What `--input` asks, without the line end that `echo` adds. Raises: ConfigError when that is nothing."""
    if given is None:
        return None
    question = (sys.stdin.read() if given == "-" else given).strip()
    if not question:
        raise ConfigError("--input is empty; write a question" + (" to standard input" if given == "-" else ""))
    return question


def _say(text: str) -> None:
    """One line of how loading goes; on a terminal the next one goes over a progress bar that is not full."""
    if not text:
        return
    on_terminal = sys.stderr.isatty()
    click.echo(f"\r\x1b[K{text}" if on_terminal else text, err=True, nl=not (on_terminal and "░" in text))
