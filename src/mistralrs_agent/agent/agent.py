"""An agent: a model, tools and sessions, and what the server allows. Every surface runs its turns here."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from engine import ChatModel, TextDelta, ThinkingDelta
from mistralrs_agent.agent.approvals import Approvals
from mistralrs_agent.agent.attachments import has_attachments, with_attachments, with_missing
from mistralrs_agent.agent.events import Event, Permission
from mistralrs_agent.agent.history import answered, continued
from mistralrs_agent.agent.loop import Limits, TurnLoop
from mistralrs_agent.agent.observer import TurnObserver
from mistralrs_agent.agent.permission import PermissionGate
from mistralrs_agent.agent.rules import Policy, Rule
from mistralrs_agent.agent.sessions import Sessions, check_id
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import RequestError
from mistralrs_agent.storage.skills import SkillStore
from mistralrs_agent.tools.base import Tool, ToolKind
from mistralrs_agent.tools.callback import CallbackTool, ToolCallback
from mistralrs_agent.tools.dispatch import Dispatcher, DispatchTool
from mistralrs_agent.tools.files import SurfaceOutputsTool
from mistralrs_agent.tools.python import PythonTool
from mistralrs_agent.tools.read_page import ReadPageTool
from mistralrs_agent.tools.shell import ShellTool
from mistralrs_agent.tools.skills import SkillTool
from mistralrs_agent.tools.toolbox import Toolbox
from mistralrs_agent.tools.web_search import WebSearchTool

MAX_RESULT_CHARS = 64_000
_PIECES = (TextDelta, ThinkingDelta)
"""There are as many as tokens; watchers are not bothered with them."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What the server allows; a request can only ask for less."""

    permission: Permission = Permission.AUTO
    permission_rules: tuple[Rule, ...] = ()
    """Come before `permission`; the first that fits a call counts."""
    max_rounds: int = 256
    code_execution: bool = False
    web_search: bool = False
    shell: bool = False
    system_prompt: str = ""
    """For conversations without a system message."""
    match_sessions: bool = False
    """A whole conversation sent without a session id goes on with the session that it repeats."""
    approval_timeout_s: float = 300.0
    tool_timeout_s: float = 600.0
    """Longest run of a call, for tools that name no limit of their own."""
    tool_callbacks: Mapping[str, ToolCallback] = field(default_factory=dict[str, ToolCallback])
    """Functions of this program that run tools which clients describe, by the tool's name."""
    dispatcher: Dispatcher | None = None
    """Runs the tools that clients describe; None: the clients do."""


class Agent:
    """Runs turns. One instance serves any number of them at the same time."""

    def __init__(self, model: ChatModel, toolbox: Toolbox, settings: AgentSettings, sessions: Sessions) -> None:
        self.model = model
        self.toolbox = toolbox
        self.settings = settings
        self.sessions = sessions
        self.approvals = Approvals(settings.approval_timeout_s)
        self.observers: tuple[Callable[[Turn], TurnObserver], ...] = ()
        """Each makes who watches a turn that begins."""

    def within(self, space: str) -> Agent:
        """The same agent for one user: with the sessions, files and open questions whose keys begin with `space`."""
        view = copy.copy(self)
        view.sessions = self.sessions.within(space)
        view.approvals = self.approvals.within(space)
        return view

    @property
    def code_execution(self) -> bool:
        """Whether turns may use the Python tools."""
        return self.settings.code_execution and self.toolbox.has(ToolKind.CODE_EXECUTION)

    @property
    def web_search(self) -> bool:
        """Whether turns may use the web tools."""
        return self.settings.web_search and self.toolbox.has(ToolKind.WEB_SEARCH)

    @property
    def shell(self) -> bool:
        """Whether turns may use the shell tool."""
        return self.settings.shell and self.toolbox.has(ToolKind.SHELL)

    @property
    def tools(self) -> dict[str, Tool]:
        """All tools that turns may use without asking for more."""
        tools = self.toolbox.offered(code_execution=self.code_execution, web_search=self.web_search, shell=self.shell)
        idle = [name for name, tool in tools.items() if isinstance(tool, SkillTool) and not tool.store.own()]
        return {name: tool for name, tool in tools.items() if name not in idle}

    @property
    def skills(self) -> SkillStore:
        """Raises: RequestError (404) when this agent has no place for skills."""
        for tool in self.toolbox:
            if isinstance(tool, SkillTool):
                return tool.store
        raise RequestError("This server keeps no skills.", status=404, code="skill_not_found")

    def tools_of(self, turn: Turn) -> dict[str, Tool]:
        """What runs here in a turn: the tools it asks for, and those that its client describes where a callback or a
        dispatcher runs them.

        Raises: RequestError when the server does not have what is asked for.
        """
        self._check_switches(turn)
        if self._max_rounds(turn) == 0:
            return {}
        offered = self.toolbox.offered(
            code_execution=turn.code_execution,
            web_search=turn.web_search,
            shell=turn.shell,
            files=bool(turn.expected_files) or has_attachments(self.sessions.files, turn),
        )
        fitting = {name: _for_turn(tool, turn) for name, tool in offered.items()}
        tools = {name: tool for name, tool in fitting.items() if tool is not None}
        for spec in turn.client_tools:
            if spec.name in self.settings.tool_callbacks:
                tools[spec.name] = CallbackTool(spec, self.settings.tool_callbacks[spec.name])
            elif self.settings.dispatcher is not None:
                tools[spec.name] = DispatchTool(spec, self.settings.dispatcher, self.sessions.files)
        return tools

    def _check_switches(self, turn: Turn) -> None:
        """Raises: RequestError for what this server does not have, or a session id that is none."""
        if turn.code_execution and not self.code_execution:
            raise RequestError("this server does not run code: start it with --enable-code-execution or --agent")
        if turn.web_search and not self.web_search:
            raise RequestError("this server does not search the web: start it with --enable-search or --agent")
        if turn.shell and not self.shell:
            raise RequestError("this server runs no shell commands: start it with --enable-shell")
        if turn.expected_files and not (turn.code_execution or turn.shell):
            raise RequestError("files can only be made in a request with code execution or the shell", param="files")
        if turn.session_id is not None:
            check_id(turn.session_id)
        if turn.skills:
            _ = self.skills  # or refuse

    def run(self, turn: Turn) -> AsyncGenerator[Event, None]:
        """Run one turn; the last event is `Finished`. Closing the iterator cancels the turn.

        Raises: RequestError at once, for files also while iterating; engine.EngineError while iterating.
        """
        tools = self.tools_of(turn)
        self._check(turn, tools)
        left_to_client = tuple(spec for spec in turn.client_tools if spec.name not in tools)
        return self._watched(replace(turn, client_tools=left_to_client), tools)

    async def close(self) -> None:
        """End the tool state of every session. The model stays open: its owner closes it."""
        await self.sessions.close()

    def _max_rounds(self, turn: Turn) -> int:
        return self.settings.max_rounds if turn.max_rounds is None else turn.max_rounds

    async def _watched(self, turn: Turn, tools: dict[str, Tool]) -> AsyncGenerator[Event, None]:
        watchers = [observer(turn) for observer in self.observers]
        model = self.model
        for watcher in watchers:
            model = watcher.model(model)
        end: BaseException | None = None
        try:
            async with aclosing(self._run(turn, tools, model)) as events:
                async for event in events:
                    if not isinstance(event, _PIECES):
                        for watcher in watchers:
                            watcher.note(event)
                    yield event
        except BaseException as error:
            end = error
            raise
        finally:
            for watcher in watchers:
                watcher.end(end)

    async def _run(self, turn: Turn, tools: dict[str, Tool], model: ChatModel) -> AsyncGenerator[Event, None]:
        server = Policy(self.settings.permission, self.settings.permission_rules)
        request = Policy(turn.permission or Permission.AUTO, turn.permission_rules)
        # tools have state that a later turn may go on with, and files belong to someone
        remembered = turn.session_id is not None or bool(tools) or bool(turn.files)
        session_id = turn.session_id
        if session_id is None and self.settings.match_sessions:
            session_id = self.sessions.matching(turn.messages)
        held = self.sessions.open(session_id) if remembered else self.sessions.unremembered()
        async with held as session:
            max_result_chars = min(MAX_RESULT_CHARS, self.model.info.context_tokens)
            messages = await with_attachments(self.sessions.files, session.id, turn, max_result_chars)
            loop = TurnLoop(
                model=model,
                tools=tools,
                gate=PermissionGate(server, request, session, self.approvals),
                session=session,
                turn=turn,
                limits=Limits(
                    max_rounds=self._max_rounds(turn),
                    max_result_chars=max_result_chars,
                    tool_timeout_s=self.settings.tool_timeout_s,
                ),
                system_prompt=self.settings.system_prompt,
                history=answered(continued(session.messages, messages)),
            )
            async with aclosing(with_missing(loop.run(), turn.expected_files)) as events:
                async for event in events:
                    yield event

    def _check(self, turn: Turn, tools: dict[str, Tool]) -> None:
        if not turn.messages:
            raise RequestError("messages must not be empty", param="messages")
        if turn.sampling.n != 1:
            raise RequestError(f"an agent turn has one answer: n must be 1, got {turn.sampling.n}", param="n")
        client_names = [spec.name for spec in turn.client_tools]
        if taken := sorted(set(client_names) & set(self.toolbox.names)):
            raise RequestError(f"tool name {taken[0]!r} belongs to a tool of this server", param="tools")
        offered = {*client_names, *tools}
        if unknown := sorted(set(turn.tool_choice.names) - offered):
            known = ", ".join(sorted(offered)) or "none"
            raise RequestError(f"tool_choice names {unknown[0]!r}; tools of this turn: {known}", param="tool_choice")
        if turn.tool_choice.mode == "required" and not offered:
            raise RequestError("tool_choice 'required' needs at least one tool", param="tool_choice")


def _for_turn(tool: Tool, turn: Turn) -> Tool | None:
    """The tool as this turn wants it; None: not at all.

    Raises: RequestError for a skill that is unknown.
    """
    runs_code = turn.code_execution or turn.shell
    if isinstance(tool, SkillTool):
        return tool.choosing(turn.skills, lay_out=runs_code)
    if isinstance(tool, SurfaceOutputsTool) and not runs_code:
        return None
    if turn.search_wishes is not None and isinstance(tool, WebSearchTool | ReadPageTool):
        return tool.wishing(turn.search_wishes)
    if turn.expected_files and isinstance(tool, PythonTool | ShellTool):
        return tool.expecting(turn.expected_files)
    return tool
