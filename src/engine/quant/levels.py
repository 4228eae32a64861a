"""What `--isq` and `--quant` accept, and which format each weight of a model gets.

Imports no torch: a wrong level is refused before anything is downloaded. Formats are named as in `GGMLType`.
"""

from __future__ import annotations

from engine.errors import UnsupportedModel

LEVELS = {
    "2": "Q2_K",
    "3": "Q3_K",
    "4": "Q4_K",
    "5": "Q5_K",
    "6": "Q6_K",
    "8": "Q8_0",
    "q4_0": "Q4_0",
    "q4_1": "Q4_1",
    "q5_0": "Q5_0",
    "q5_1": "Q5_1",
    "q8_0": "Q8_0",
    "q2k": "Q2_K",
    "q3k": "Q3_K",
    "q4k": "Q4_K",
    "q5k": "Q5_K",
    "q6k": "Q6_K",
    "fp8": "FP8",
}
_NOT_YET = ("auto", "q8_1", "q8k", "hqq4", "hqq8", "f8q8", "afq2", "afq3", "afq4", "afq6", "afq8", "mxfp4")
_PROMOTED = {
    **dict.fromkeys(("Q2_K", "Q3_K", "Q4_K", "Q4_0", "Q4_1"), "Q6_K"),
    **dict.fromkeys(("Q5_K", "Q6_K", "Q5_0", "Q5_1", "Q8_0"), "Q8_0"),
}
_NARROW = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""For rows that are no multiple of 256: a format of blocks of 32 that loses no more, as llama.cpp chooses them."""
_SENSITIVE = ("embed_tokens.weight", "lm_head.weight", "wte.weight", "word_embeddings.weight", "embed_out.weight")
_ROUTERS = (".gate.weight", ".router.weight", ".shared_expert_gate.weight")
_FILE_LABELS = {
    "Q2_K": ("Q2_K", "Q2_K_L", "Q2_K_S"),
    "Q3_K": ("Q3_K_M", "Q3_K_S", "Q3_K_L", "Q3_K"),
    "Q4_K": ("Q4_K_M", "Q4_K_S", "Q4_K_L", "Q4_1", "Q4_0", "Q4_K"),
    "Q5_K": ("Q5_K_M", "Q5_K_S", "Q5_K_L", "Q5_1", "Q5_0", "Q5_K"),
    "Q6_K": ("Q6_K", "Q6_K_S", "Q6_K_L"),
    "Q8_0": ("Q8_0", "Q8_K"),
}


def format_of(level: str, option: str) -> str:
    """The format a level stands for; `option` is what the person gave it to, for the error.

    Raises: UnsupportedModel naming the levels there are.
    """
    name = level.strip().lower().replace("_k", "k")
    if name in LEVELS:
        return LEVELS[name]
    problem = "not supported yet" if name in _NOT_YET else "no quantisation level"
    raise UnsupportedModel(f"{option}: {level!r} is {problem}; choose one of {', '.join(LEVELS)}.")


def format_for(name: str, columns: int, asked: str) -> str | None:
    """The format of the matrix `name` (as in the checkpoint) when `asked` was asked for; None: it stays as it is.

    Embedding and output head, where errors cost most, get more bits; a router of experts is never quantised.
    """
    if name.endswith(_ROUTERS):
        return None
    wanted = _PROMOTED.get(asked, asked) if name.endswith(_SENSITIVE) else asked
    if columns % 256:
        wanted = _NARROW.get(wanted, wanted)
    return None if columns % 32 else wanted


def labels_of(level: str) -> tuple[str, ...]:
    """How the names of ready-made GGUF files call a level, best first; a number may stand for several formats."""
    name = format_of(level, "--quant")
    labels = _FILE_LABELS.get(name, (name,))
    if not level.strip().isdigit():
        labels = tuple(label for label in labels if label.startswith(name))
    return (*labels, *(f"UD-{label}" for label in labels))
