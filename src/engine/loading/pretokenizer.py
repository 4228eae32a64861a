"""How byte-level BPE vocabularies split a text into words before merging, by the name GGUF files give the rule.

The patterns are those of the models' own tokenizer.json files: each splits what the ones before it left.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pretokenizer:
    patterns: tuple[str, ...]
    ignore_merges: bool = False
    """A word that is a token is taken whole, whatever the merges say."""
    adds_bos: bool = False
    """Where the file does not say."""
    normalize: bool = False
    """Unicode NFC first."""


_SUFFIXES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_TAIL = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_DIGIT = r"\p{N}"
_UP_TO_THREE_DIGITS = r"\p{N}{1,3}"
_HAN_TO_HANGUL = "[一-龥ࠀ-一가-퟿]+"


def _cl100k(digits: str, letters: str = r"\p{L}") -> str:
    """The family of patterns that began with GPT-4: words take one leading symbol, punctuation takes line ends."""
    return (
        rf"{_SUFFIXES}|[^\r\n\p{{L}}\p{{N}}]?[{letters}]+|{digits}"
        rf"| ?[^\s{letters}\p{{N}}]+[\r\n]*|{_TAIL}"
    )


def _o200k(digits: str, suffixes: str) -> str:
    """GPT-4o's: a word ends where small letters turn into capital ones."""
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    lead = r"[^\r\n\p{L}\p{N}]?"
    return (
        rf"{lead}{upper}*{lower}+{suffixes}|{lead}{upper}+{lower}*{suffixes}|{digits}"
        rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_TAIL}"
    )


_LLAMA3 = Pretokenizer((_cl100k(_UP_TO_THREE_DIGITS),), ignore_merges=True, adds_bos=True)
_DIGITS_THEN_WORDS = Pretokenizer((_DIGIT, _GPT2))
_QWEN2 = Pretokenizer((_cl100k(_DIGIT),), normalize=True)
_GPT4O = Pretokenizer((_o200k(_UP_TO_THREE_DIGITS, f"{_SUFFIXES}?"),))
_DEEPSEEK_V3 = Pretokenizer(
    (
        _UP_TO_THREE_DIGITS,
        "[一-龥぀-ゟ゠-ヿ]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_TAIL}",
    )
)

PRETOKENIZERS = {
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "llama-bpe": _LLAMA3,
    "lfm2": _LLAMA3,
    "pixtral": _LLAMA3,
    "tekken": Pretokenizer((_o200k(_DIGIT, ""),), ignore_merges=True, adds_bos=True),
    "dbrx": Pretokenizer((_cl100k(_UP_TO_THREE_DIGITS),)),
    "glm4": Pretokenizer((_cl100k(_UP_TO_THREE_DIGITS),)),
    "chatglm-bpe": Pretokenizer((_cl100k(_UP_TO_THREE_DIGITS),)),
    "qwen2": _QWEN2,
    "deepseek-r1-qwen": Pretokenizer((_cl100k(_DIGIT),)),
    "qwen35": Pretokenizer((_cl100k(_DIGIT, r"\p{L}\p{M}"),), normalize=True),
    "hunyuan": Pretokenizer((_cl100k(_DIGIT),)),
    "gpt-2": Pretokenizer((_GPT2,)),
    "phi-2": Pretokenizer((_GPT2,)),
    "starcoder": _DIGITS_THEN_WORDS,
    "smollm": _DIGITS_THEN_WORDS,
    "deepseek-llm": Pretokenizer(
        (
            r"[\r\n]",
            r"\s?[\p{Lu}\p{Ll}\p{Lt}]+",
            r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
            r"\s+$",
            _HAN_TO_HANGUL,
            _DIGIT,
        )
    ),
    "deepseek-coder": Pretokenizer((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _HAN_TO_HANGUL, _DIGIT)),
    "deepseek-v3": _DEEPSEEK_V3,
    "hunyuan-dense": _DEEPSEEK_V3,
    "gpt-4o": _GPT4O,
    "llama4": _GPT4O,
}
"""Name in `tokenizer.ggml.pre` → rule."""
