"""The tool that searches the web."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from engine import ToolSpec
from mistralrs_agent.search.web import SearchWishes, WebSearch
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource, counted
from mistralrs_agent.tools.text import compact_json, parameters, prompt_text


class SearchArguments(BaseModel):
    query: str = Field(min_length=1, description="What to search for")


class WebSearchTool:
    """`mistralrs_search_the_web`."""

    metadata = ToolMetadata(ToolSource.BUILT_IN, ToolKind.WEB_SEARCH, "Web search")

    def __init__(self, search: WebSearch, wishes: SearchWishes | None = None) -> None:
        self._search = search
        self._wishes = wishes or SearchWishes()
        described = self._wishes.search_description or prompt_text("web_search")
        if self._wishes.location:
            described += f"\nThe user is near {self._wishes.location}."
        self.spec = ToolSpec("mistralrs_search_the_web", described, parameters(SearchArguments))

    def wishing(self, wishes: SearchWishes) -> WebSearchTool:
        """The same tool for a request that wants these."""
        return WebSearchTool(self._search, wishes)

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Web search", arguments["query"])

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        query = SearchArguments.model_validate(arguments).query
        answer = await self._search.search(query, context.max_result_chars * 9 // 10, self._wishes)  # rest: JSON
        data = {
            "tool_type": "web_search",
            "query": query,
            "results_count": len(answer.output),
            "sources": list(answer.sources),
        }
        if not answer.output:
            note = "Nothing was found; the search engine may also refuse automated queries now. Try other words."
            return ToolResult(compact_json({"status": "success", "note": note}), Card("Nothing found"), data=data)
        listed = "\n".join(f"{source.title or source.url}\n  {source.url}" for source in answer.output)
        return ToolResult(compact_json(answer.to_json()), Card(counted(len(answer.output), "page"), listed), data=data)

    async def end_session(self, session_id: str) -> None:
        """Nothing is kept for a session."""
