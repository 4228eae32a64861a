"""Log-probabilities in words: the text and the bytes behind token ids."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import Tokenizer

from engine.request import TokenLogprob

_ONE_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE = "\u2581"
"""How SentencePiece vocabularies write a space."""


class TokenTexts:
    """Texts and bytes of single tokens, looked up once each."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, tuple[str, bytes]] = {}

    def entry(self, token_id: int, logprob: float, top: Iterable[tuple[int, float]] = ()) -> TokenLogprob:
        text, data = self._known.get(token_id) or self._look_up(token_id)
        return TokenLogprob(token_id, text, data, logprob, tuple(self.entry(*likely) for likely in top))

    def _look_up(self, token_id: int) -> tuple[str, bytes]:
        text = self._tokenizer.decode([token_id], skip_special_tokens=False)
        piece = self._tokenizer.id_to_token(token_id) or ""
        if piece.startswith(_SPACE) and not text.startswith(" "):
            text = f" {text}"  # decoders leave it out at the start of a text
        data = _bytes_of(piece) if "\ufffd" in text else text.encode()
        self._known[token_id] = text, data
        return text, data


def _bytes_of(piece: str) -> bytes:
    """Of a vocabulary entry that is no whole characters."""
    if one := _ONE_BYTE.fullmatch(piece):
        return bytes([int(one[1], 16)])
    try:
        return bytes(_BYTE_OF_LETTER[letter] for letter in piece)
    except KeyError:
        return piece.encode()


def _byte_letters() -> dict[str, int]:
    """The letters with which byte-level vocabularies write the 256 bytes: visible ones stand for themselves, the
    others for the code points from 256 on, in order.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


_BYTE_OF_LETTER = _byte_letters()
