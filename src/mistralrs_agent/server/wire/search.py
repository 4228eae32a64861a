"""`web_search_options` → what the web tools are told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mistralrs_agent.search.web import SearchWishes
from mistralrs_agent.server.wire.base import Unsupported, WireModel, only

Domains = Annotated[list[Annotated[str, Field(min_length=1, max_length=253)]], Field(max_length=100)]


class Place(WireModel):
    city: str | None = None
    region: str | None = None
    country: str | None = None
    timezone: str | None = None


class UserLocation(WireModel):
    type: Literal["approximate"]
    approximate: Place

    @property
    def words(self) -> str:
        place = self.approximate
        named = ", ".join(part for part in (place.city, place.region, place.country) if part)
        return f"{named} (time zone {place.timezone})".strip() if place.timezone else named


class Filters(WireModel):
    allowed_domains: Domains | None = None
    blocked_domains: Domains | None = None


class WebSearchOptions(WireModel):
    """Its presence offers the web tools."""

    search_context_size: Literal["low", "medium", "high"] | None = None
    user_location: UserLocation | None = None
    filters: Filters | None = None
    external_web_access: bool | None = None
    """False: the web tools are left out."""
    return_token_budget: Literal["default", "unlimited"] | None = None
    search_description: Annotated[str | None, Field(max_length=10_000)] = None
    extract_description: Annotated[str | None, Field(max_length=10_000)] = None
    search_content_types: Annotated[Any, AfterValidator(only(["text"]))] = None
    image_settings: Unsupported = None

    def to_wishes(self) -> SearchWishes:
        filters = self.filters or Filters()
        return SearchWishes(
            context_size="high" if self.return_token_budget == "unlimited" else self.search_context_size,
            allowed_domains=tuple(filters.allowed_domains or ()),
            blocked_domains=tuple(filters.blocked_domains or ()),
            location=self.user_location.words if self.user_location else "",
            search_description=self.search_description or "",
            extract_description=self.extract_description or "",
        )
