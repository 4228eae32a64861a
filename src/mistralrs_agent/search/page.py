"""What is fetched, and what it becomes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response body."""

    url: str
    """After redirects."""
    content_type: str
    """Lower case, without parameters."""
    charset: str | None
    """As the server names it; may be wrong or no charset at all."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """A page as text."""

    url: str
    title: str
    text: str
