"""Options of `mistralrs bench`: what to measure, how often, and how to tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from mistralrs_agent.options.section import Section, flag


def numbers(text: str) -> tuple[int, ...]:
    """The whole numbers of a comma list. Raises: ValueError naming the part that is none."""
    for part in text.split(","):
        if not part.strip().isdigit():
            raise ValueError(f"{part!r} is not a whole number; give one or several with commas, such as 128,512")
    return tuple(int(part) for part in text.split(","))


def _is_list(text: str) -> str:
    numbers(text)
    return text


def _is_positive_list(text: str) -> str:
    if 0 in numbers(text):
        raise ValueError("should be greater than 0")
    return text


def _is_picture(path: Path) -> Path:
    if path.suffix not in (".svg", ".png", ".pdf"):
        raise ValueError("the file name must end in .svg, .png or .pdf")
    return path


class Benchmark(Section):
    """What to measure; lengths take comma lists."""

    heading: ClassVar[str] = "Benchmark"
    tables: ClassVar[tuple[str, ...]] = ()

    what: Annotated[Literal["model", "sandbox", "search"], flag("what")] = "model"
    """What to measure: a model, how fast sandbox sessions start, answer and end, or what web search finds."""
    pages: Annotated[Path | None, flag("--pages", metavar="FOLDER")] = None
    """For `search`: HTML pages, served on loopback with a search engine over them."""
    questions: Annotated[Path | None, flag("--questions", metavar="FILE")] = None
    """For `search`: lines of page, question and words of the answer, with tabs between."""
    prompt_len: Annotated[str, AfterValidator(_is_list), flag("--prompt-len", metavar="N,...")] = "512"
    """Prompt tokens for time to first token and prefill speed; 0 skips these."""
    gen_len: Annotated[str, AfterValidator(_is_list), flag("--gen-len", metavar="N,...")] = "128"
    """Tokens to generate for decode speed; less than 2 skips it."""
    depth: Annotated[str, AfterValidator(_is_positive_list), flag("--depth", metavar="N,...")] = "4"
    """Tokens already in the context when decoding starts."""
    levels: Annotated[str | None, flag("--levels", metavar="LEVEL,...")] = None
    """Quantise to each of these in turn, as `--isq` does, and measure everything with it; `none` leaves weights as they
    are."""
    concurrency: Annotated[str, AfterValidator(_is_positive_list), flag("--concurrency", metavar="N,...")] = "1"
    """Requests that run together."""
    iterations: Annotated[int, Field(gt=0), flag("--iterations")] = 3
    """Counted runs of each case; medians are shown."""
    warmup: Annotated[int, Field(ge=0), flag("--warmup")] = 1
    """Runs before those, not counted."""
    json_output: Annotated[bool, flag("--json")] = False
    """Print one JSON object instead of a table."""
    plot: Annotated[Path | None, AfterValidator(_is_picture), flag("--plot", metavar="FILE")] = None
    """Draw the speeds into this .svg, .png or .pdf file; needs matplotlib."""
