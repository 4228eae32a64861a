"""The reference page says what the declarations say."""

from __future__ import annotations

from pathlib import Path

from mistralrs_agent.cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_committed_reference_page_is_the_generated_one():
    assert PAGE.read_text(encoding="utf-8") == reference(), "write it again: make docs"
