"""The tool that reads one web page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from engine import ToolSpec
from mistralrs_agent.search.web import PageReader, SearchWishes
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.text import compact_json, parameters, prompt_text, shortened

_PREVIEW_CHARS = 400


class ReadPageArguments(BaseModel):
    url: str = Field(min_length=1, description="Address of the page, beginning with http:// or https://")


class ReadPageTool:
    """`mistralrs_website_content_extractor`."""

    metadata = ToolMetadata(ToolSource.BUILT_IN, ToolKind.WEB_SEARCH, "Web page extraction")

    def __init__(self, pages: PageReader, wishes: SearchWishes | None = None) -> None:
        self._pages = pages
        self._wishes = wishes or SearchWishes()
        described = self._wishes.extract_description or prompt_text("read_page")
        self.spec = ToolSpec("mistralrs_website_content_extractor", described, parameters(ReadPageArguments))

    def wishing(self, wishes: SearchWishes) -> ReadPageTool:
        """The same tool for a request that wants these."""
        return ReadPageTool(self._pages, wishes)

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Read page", arguments["url"])

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        url = ReadPageArguments.model_validate(arguments).url
        page = await self._pages.read(url, self._wishes)
        domain = urlsplit(page.url).netloc
        text = shortened(page.text, context.max_result_chars * 9 // 10)
        return ToolResult(
            content=compact_json({"sources": [domain], "title": page.title, "output": text}),
            card=Card(page.title or domain, shortened(page.text, _PREVIEW_CHARS)),
            data={"tool_type": "web_search", "query": url, "results_count": 1, "sources": [domain]},
        )

    async def end_session(self, session_id: str) -> None:
        """Nothing is kept for a session."""
