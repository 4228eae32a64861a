"""Mistral's tekken.json: byte-level BPE whose tokens are listed in the order in which they are merged."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from engine.errors import CorruptModel

_CLASSIC = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]"),
    *("[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]"),
    *("[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"),
)
"""The first special tokens of files that do not list theirs."""


def tekken_tokenizer(path: Path) -> Tokenizer:
    """Special tokens have the first ids, the others follow in the order of their ranks.

    Raises: CorruptModel for a file that is not what it should be.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        config = content["config"]
        reserved, total, pattern = config["default_num_special_tokens"], config["default_vocab_size"], config["pattern"]
        words = [b64decode(token["token_bytes"]) for token in content["vocab"][: total - reserved]]
        listed = {token["rank"]: token["token_str"] for token in content.get("special_tokens") or ()}
        return _tokenizer(words, listed or dict(enumerate(_CLASSIC)), reserved, pattern)
    except Exception as error:  # tokenizers raises bare Exception for what it does not like
        raise CorruptModel(f"{path} is not a valid tekken.json: {error!r}") from error


def _tokenizer(words: list[bytes], named: dict[int, str], reserved: int, pattern: str) -> Tokenizer:
    special = [named.get(rank, f"<SPECIAL_{rank}>") for rank in range(reserved)]
    letters = _letters()
    texts = ["".join(letters[byte] for byte in word) for word in words]
    vocabulary = {text: number for number, text in enumerate([*special, *texts])}
    ranks = {text: rank for rank, text in enumerate(texts)}
    merges: list[tuple[str, str]] = []
    for text in texts:
        cuts = [(text[:at], text[at:]) for at in range(1, len(text)) if text[:at] in ranks and text[at:] in ranks]
        merges += sorted(cuts, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    tokenizer = Tokenizer(BPE(vocabulary, merges, ignore_merges=True))
    bytes_to_letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_to_letters])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    if "<s>" in special:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", special.index("<s>"))]
        )
    return tokenizer


def _letters() -> list[str]:
    """The letter that stands for each byte in byte-level vocabularies: itself where it can be seen."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(byte if byte in seen else 256 + hidden.index(byte)) for byte in range(256)]
