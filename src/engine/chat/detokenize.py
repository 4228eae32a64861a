"""Token ids to text as they come, whole characters only."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer

_MAX_PARTIAL = 3
"""A UTF-8 character has at most 4 bytes, so at most 3 wait for their rest."""
_STRIDE = 8
_MAX_WINDOW = 64


class Detokenizer:
    """Text of one growing sequence. What all calls returned, joined, is what decoding the whole sequence gives.

    Decodes a short window of the last tokens each time: the tokens before the new one decide whether it gets a
    space (SentencePiece) or completes a character (byte-level and byte-fallback vocabularies).
    """

    def __init__(self, tokenizer: Tokenizer, skip_special_tokens: bool = True, context: Sequence[int] = ()) -> None:
        """`context`: the last ids of the prompt, for raw continuation: the first word then keeps its space."""
        self._tokenizer = tokenizer
        self._skip_special_tokens = skip_special_tokens
        added = tokenizer.get_added_tokens_decoder() if skip_special_tokens else {}
        self._skipped = frozenset(token_id for token_id, token in added.items() if token.special)
        self._window = [token_id for token_id in context[-_STRIDE:] if token_id not in self._skipped]
        self._checkpoint = len(self._window)  # ids of the window that were there when it was last cut
        self._shown = len(self._decode())  # characters of the window's text already returned

    def push(self, token_id: int) -> str:
        """Add one token; returns the text that is now certain, often one word, sometimes nothing."""
        if token_id in self._skipped:
            return ""
        self._window.append(token_id)
        text = self._decode()
        partial = min(len(text) - len(text.rstrip("\ufffd")), _MAX_PARTIAL)
        if len(self._window) > _MAX_WINDOW:
            partial = 0
        fresh = text[self._shown : len(text) - partial]
        self._shown = max(self._shown, len(text) - partial)
        if not partial and len(self._window) - self._checkpoint >= _STRIDE:
            self._window = self._window[self._checkpoint :]
            self._checkpoint = len(self._window)
            self._shown = len(self._decode())
        return fresh

    def flush(self) -> str:
        """The sequence ended: return what was held back (bytes of a character that never became whole)."""
        fresh = self._decode()[self._shown :]
        self._shown += len(fresh)
        return fresh

    def _decode(self) -> str:
        return self._tokenizer.decode(self._window, skip_special_tokens=self._skip_special_tokens)
