"""The chat: transcript, approvals, prompt and status line around one conversation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Footer
from textual.worker import Worker

from engine import EngineError
from mistralrs_agent.agent.conversation import Conversation
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.agent.local_files import listing, local_file, mentioned_files, save_file
from mistralrs_agent.errors import UserError
from mistralrs_agent.storage.files import InputFile
from tui import commands
from tui.history import PromptHistory
from tui.images import ImageFolder
from tui.keys import CHAT_KEYS
from tui.presenter import Presenter
from tui.text import sentence
from tui.widgets.activity import Activity
from tui.widgets.answer import Answer
from tui.widgets.approval import ApprovalPrompt
from tui.widgets.approvals import Approvals
from tui.widgets.command_hints import CommandHints
from tui.widgets.notes import ErrorNote, Note
from tui.widgets.plain import Plain
from tui.widgets.prompt import Prompt
from tui.widgets.status_line import StatusLine
from tui.widgets.transcript import Transcript
from tui.widgets.user_message import UserMessage
from tui.widgets.welcome import Welcome

log = logging.getLogger(__name__)

LEAVE_WITHIN_S = 2.0
"""A second Ctrl-C this soon leaves."""


class Busy(UserError):
    """What has to wait until the turn has ended."""


class ChatScreen(Screen[None]):
    """Sends what the person writes and shows what comes back. Implements `commands.Chat`."""

    BINDINGS: ClassVar[list[BindingType]] = [*CHAT_KEYS]

    def __init__(
        self,
        conversation: Conversation,
        history: PromptHistory,
        images: ImageFolder,
        clock: Callable[[], float],
        typed: str,
    ) -> None:
        super().__init__()
        self._typed = typed
        self._conversation = conversation
        self._history = history
        self._images = images
        self._clock = clock
        self._turn: Worker[None] | None = None
        self._attached: list[InputFile] = []
        """Go with the next message."""
        self._interrupted_at = -LEAVE_WITHIN_S
        self._transcript = Transcript()
        self._activity = Activity(clock)
        self._approvals = Approvals()
        self._hints = CommandHints()
        self._waiting_files = Plain(classes="attached")
        self._prompt = Prompt(history)
        self._status = StatusLine(conversation.info)

    def compose(self) -> ComposeResult:
        yield self._transcript
        yield self._activity
        yield self._approvals
        yield self._hints
        yield self._waiting_files
        yield self._prompt
        yield self._status
        yield Footer()

    async def on_mount(self) -> None:
        self._prompt.focus()
        self._hints.display = self._waiting_files.display = False
        self._status.show_permission(self._conversation.permission)
        await self._transcript.add(Welcome(self._conversation.info))
        *sent, unsent = self._typed.split("\n")
        self._prompt.show(unsent)
        for line in filter(str.strip, sent):
            self.post_message(Prompt.Submitted(line.strip()))

    # What the person does

    async def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        """A command or a message. What cannot be done now goes back to the prompt."""
        try:
            command = commands.parse(event.text)
            if command is None:
                self.ask(event.text)
            else:
                await command[0].run(self, command[1])
        except Busy as error:
            self.notify(sentence(str(error)), severity="warning", markup=False)
            self._prompt.give_back(event.text)
        except (UserError, EngineError) as error:
            self._remember(event.text)
            await self.say(f"{event.text}\n{sentence(str(error))}")
            self._prompt.give_back_selected(event.text)
        else:
            self._remember(event.text)

    async def start(self, command: commands.Command) -> None:
        """Run a command that needs nothing more, or write its beginning into the prompt."""
        if command.arguments:
            self._prompt.show(f"/{command.name} ")
            self._prompt.focus()
        else:
            await self.on_prompt_submitted(Prompt.Submitted(command.usage))

    def on_prompt_left(self) -> None:
        self.leave()

    def on_text_area_changed(self) -> None:
        self._hints.suggest(self._prompt.text)

    async def on_approval_prompt_decided(self, event: ApprovalPrompt.Decided) -> None:
        approval_id = event.prompt.request.approval_id
        await self._approvals.settle(approval_id)
        try:
            await self._conversation.decide(approval_id, event.decision)
        except (UserError, EngineError) as error:
            await self._transcript.add(ErrorNote(str(error)))

    def on_approvals_changed(self, event: Approvals.Changed) -> None:
        self.set_class(event.asking, "-asking")
        if not event.asking:
            self._prompt.focus()

    def on_key(self, event: events.Key) -> None:
        """Typing goes to the prompt, wherever the focus is or before there was any, unless a question waits."""
        if event.is_printable and event.character and self._prompt.display:
            self._prompt.focus()
            self._prompt.insert(event.character)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._busy if action == "stop" else True

    def action_stop(self) -> None:
        if self._turn is not None:
            self._turn.cancel()

    def action_interrupt(self) -> None:
        """Copy what is selected; else stop the turn; else leave when pressed twice."""
        if selected := self._prompt.selected_text or self.get_selected_text():
            self.app.copy_to_clipboard(selected)
            self.notify("Copied")
        elif self._busy:
            self.action_stop()
        elif self._clock() - self._interrupted_at < LEAVE_WITHIN_S:
            self.leave()
        else:
            self._interrupted_at = self._clock()
            self.notify("Press Ctrl-C again to leave")

    def action_fold_cards(self) -> None:
        self._transcript.fold_cards()

    def action_page_up(self) -> None:
        self._transcript.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        self._transcript.scroll_page_down(animate=False)

    async def action_help(self) -> None:
        await commands.HELP.run(self, "")

    # What commands may do

    @property
    def tools(self) -> tuple[str, ...]:
        return self._conversation.info.tools

    @property
    def sandbox(self) -> str:
        info = self._conversation.info
        return f"{info.sandbox}\n\n{info.sandbox_table}".rstrip()

    def ask(self, text: str, *, force_tool: str | None = None) -> None:
        self._refuse_while_busy()
        files = [*self._attached, *mentioned_files(text)]
        self._keep_files()
        self._turn = self._run_turn(text, force_tool, files)

    async def say(self, text: str) -> None:
        await self._transcript.add(Note(text))
        self._transcript.anchor()

    async def clear(self) -> None:
        self._refuse_while_busy()
        await self._conversation.reset()
        self._keep_files()
        await self._transcript.clear()
        await self._transcript.add(Welcome(self._conversation.info))
        self._status.show_context(0)

    async def set_permission(self, permission: Permission) -> None:
        await self._conversation.set_permission(permission)
        self._status.show_permission(self._conversation.permission)

    def copy_answer(self) -> None:
        answers = self._transcript.query(Answer)
        if not answers:
            raise UserError("there is no answer to copy yet")
        self.app.copy_to_clipboard(answers.last().source)
        self.notify("Copied the last answer")

    def attach(self, path: str) -> None:
        self._keep_files(*self._attached, local_file(path))

    def detach(self) -> None:
        if not self._attached:
            raise UserError("no file is attached")
        self._keep_files()

    async def list_files(self) -> None:
        await self.say(listing(await self._conversation.files()))

    async def save_file(self, words: str) -> None:
        await self.say(f"Saved {await save_file(self._conversation, words)}")

    def leave(self) -> None:
        self.app.exit()

    # The turn

    @property
    def _busy(self) -> bool:
        return self._turn is not None and not self._turn.is_finished

    def _keep_files(self, *files: InputFile) -> None:
        """Have these, and no others, go with the next message."""
        self._attached = list(files)
        names = ", ".join(file.name for file in files)
        self._waiting_files.show(f"With your next message: {names} · /detach takes them back")
        self._waiting_files.display = bool(files)

    def _refuse_while_busy(self) -> None:
        if self._busy:
            raise Busy("the model is still answering; Esc stops it")

    @work(exit_on_error=False)
    async def _run_turn(self, text: str, force_tool: str | None, files: Sequence[InputFile]) -> None:
        """Send a message and show the turn. Cancelling this cancels the turn."""
        presenter = Presenter(
            self._transcript, self._approvals, self._activity, self._status, self._images, self._clock
        )
        await self._transcript.add(UserMessage(text, [file.name for file in files]))
        self._transcript.anchor()
        self._activity.begin()
        self._activity.doing = "Reading"
        self.refresh_bindings()
        ending: Note | ErrorNote | None = None
        try:
            async with aclosing(self._conversation.send(text, force_tool=force_tool, files=files)) as turn:
                async for event in turn:
                    await presenter.show(event)
        except (UserError, EngineError) as error:
            ending = ErrorNote(str(error))
        except Exception as error:
            log.exception("bug while showing a turn")
            ending = ErrorNote(f"Something went wrong inside the app ({type(error).__name__}: {error}).")
        except BaseException:
            ending = Note("Stopped.")
            raise
        finally:
            await presenter.close()
            if ending is not None:
                await self._transcript.add(ending)
            self.call_later(self.refresh_bindings)

    def _remember(self, text: str) -> None:
        try:
            self._history.add(text)
        except OSError as error:
            log.warning("cannot keep the prompt history: %s", error)
