"""Options of `mistralrs eval`: what to judge, and how to tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mistralrs_agent.options.section import Section, flag


class Evaluation(Section):
    """What to judge."""

    heading: ClassVar[str] = "Evaluation"
    tables: ClassVar[tuple[str, ...]] = ()

    what: Annotated[Literal["agent"], flag("what")] = "agent"
    """What to judge: how well a model uses tools."""
    category: Annotated[tuple[str, ...], flag("--category", metavar="NAME")] = ()
    """Only prompts of this category, such as `dates`; repeat for more."""
    limit: Annotated[int | None, Field(gt=0), flag("--limit")] = None
    """Only the first this many prompts of each category."""
    base: Annotated[bool, flag("--base")] = False
    """Ask the model without its adapter too, and show both side by side."""
    transcript: Annotated[Path | None, flag("--transcript", metavar="FILE")] = None
    """Write a line for every prompt: what was called, what came back, the answer, the verdict."""
    json_output: Annotated[bool, flag("--json")] = False
    """Print one JSON object instead of a table."""
