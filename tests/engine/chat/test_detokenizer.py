from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from engine.chat.detokenize import Detokenizer


def byte_level() -> Tokenizer:
    """256 bytes, a few merges, one special token (id 260)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate([*alphabet, "th", "the", "Ġt", "Ġthe"])}
    tokenizer = Tokenizer(models.BPE(vocab, [("t", "h"), ("th", "e"), ("Ġ", "t"), ("Ġ", "the")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    return tokenizer


def byte_fallback() -> Tokenizer:
    """SentencePiece style: `▁` for spaces, `<0xNN>` for what the vocabulary lacks."""
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁Hello", "▁world", "▁", "wor", "ld", "!"]
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


BYTES, PIECES = byte_level(), byte_fallback()


def streamed(tokenizer: Tokenizer, ids: list[int], **options: bool) -> list[str]:
    detokenizer = Detokenizer(tokenizer, **options)
    return [*(detokenizer.push(i) for i in ids), detokenizer.flush()]


@given(st.text(max_size=80))
def test_pieces_join_to_the_whole_text_and_never_show_half_a_character(text: str):
    pieces = streamed(BYTES, BYTES.encode(text).ids)
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


@given(st.lists(st.integers(0, 260), max_size=120))
def test_any_ids_give_what_decoding_all_of_them_gives(ids: list[int]):
    assert "".join(streamed(BYTES, ids)) == BYTES.decode(ids)


def test_endless_broken_bytes_are_still_shown():
    lone = BYTES.token_to_id("ÿ")
    assert "".join(streamed(BYTES, [lone] * 300)) == "\ufffd" * 300


def test_spaces_of_sentencepiece_words_survive_windows():
    ids = [PIECES.token_to_id(t) for t in ["▁Hello", "▁world", "!"] * 20]
    pieces = streamed(PIECES, ids)
    assert "".join(pieces) == PIECES.decode(ids)
    assert pieces[:4] == ["Hello", " world", "!", " Hello"]


def test_a_character_of_byte_fallback_tokens_comes_out_whole():
    ids = [PIECES.token_to_id(f"<0x{byte:02X}>") for byte in "🦉".encode()]
    assert streamed(PIECES, [PIECES.token_to_id("▁Hello"), *ids]) == ["Hello", "", "", "", "🦉", ""]


def test_a_continuation_keeps_the_space_before_its_first_word():
    prompt = [PIECES.token_to_id("▁Hello")]
    assert Detokenizer(PIECES, context=prompt).push(PIECES.token_to_id("▁world")) == " world"


@pytest.mark.parametrize(("skip", "expected"), [(True, "the"), (False, "<|end|>the<|end|>")])
def test_special_tokens_are_shown_only_when_asked_for(skip: bool, expected: str):
    ids = [BYTES.token_to_id(t) for t in ["<|end|>", "the", "<|end|>"]]
    assert "".join(streamed(BYTES, ids, skip_special_tokens=skip)) == expected
