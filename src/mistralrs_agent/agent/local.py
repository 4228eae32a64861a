"""A conversation with an agent in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from uuid import uuid4

from engine import Message, ToolChoice
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.agent.conversation import ConversationInfo
from mistralrs_agent.agent.events import Decision, Event, Permission
from mistralrs_agent.agent.turn import Attachment, Turn
from mistralrs_agent.errors import UserError
from mistralrs_agent.storage.files import InputFile, StoredFile


class LocalConversation:
    """Implements `Conversation` on an `Agent`, with every tool the server has switched on."""

    def __init__(
        self,
        agent: Agent,
        sandbox_summary: str,
        endpoint: str = "",
        *,
        sandbox_table: str = "",
        enable_thinking: bool | None = None,
    ) -> None:
        self._agent = agent
        self._sandbox_summary = sandbox_summary
        self._sandbox_table = sandbox_table
        self._endpoint = endpoint
        self._enable_thinking = enable_thinking
        self._permission = agent.settings.permission
        self._session_id = str(uuid4())

    @property
    def info(self) -> ConversationInfo:
        model = self._agent.model.info
        return ConversationInfo(
            model_id=model.id,
            detail=f"{model.architecture}, {model.quantization}, {model.device}, {model.kernels}",
            notice=model.notice,
            context_tokens=model.context_tokens,
            tools=tuple(self._agent.tools),
            sandbox=self._sandbox_summary,
            sandbox_table=self._sandbox_table,
            endpoint=self._endpoint,
        )

    @property
    def permission(self) -> Permission:
        return self._permission

    async def set_permission(self, permission: Permission) -> None:
        floor = self._agent.settings.permission
        if permission.stricter(floor) is not permission:
            raise UserError(f"permission {permission.value!r} is not allowed here: the server's is {floor.value!r}")
        self._permission = permission

    def send(
        self, text: str, *, force_tool: str | None = None, files: Sequence[InputFile] = ()
    ) -> AsyncGenerator[Event, None]:
        turn = Turn(
            messages=(Message("user", text),),
            sampling=self._agent.model.info.sampling_defaults,
            tool_choice=ToolChoice() if force_tool is None else ToolChoice.named(force_tool),
            parallel_tool_calls=force_tool is None,  # someone who forces a tool wants one call of it
            code_execution=self._agent.code_execution,
            web_search=self._agent.web_search,
            shell=self._agent.shell,
            files=tuple(Attachment(0, file) for file in files),
            permission=self._permission,
            session_id=self._session_id,
            enable_thinking=self._enable_thinking,
        )
        return self._agent.run(turn)

    async def decide(self, approval_id: str, decision: Decision) -> None:
        self._agent.approvals.decide(approval_id, decision)

    async def files(self) -> Sequence[StoredFile]:
        return await asyncio.to_thread(self._agent.sessions.files.of_session, self._session_id)

    async def file_contents(self, file: StoredFile) -> bytes:
        body = await asyncio.to_thread(self._agent.sessions.files.body, file.id)
        if body is None:
            raise UserError(f"the contents of {file.path!r} are not kept")
        return body

    async def reset(self) -> None:
        await self._agent.sessions.end(self._session_id)
        self._session_id = str(uuid4())

    async def close(self) -> None:
        await self._agent.sessions.end(self._session_id)
