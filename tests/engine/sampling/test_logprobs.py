"""Texts and bytes of single tokens, in vocabularies that write them differently."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models

from engine.sampling.logprobs import TokenTexts


def test_byte_level_tokens_have_their_own_bytes():
    tokenizer = Tokenizer(models.BPE(vocab={"Ġthe": 0, "âĤ": 1, "¬": 2}, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    texts = TokenTexts(tokenizer)
    entry = texts.entry(0, -0.5, [(1, -1.0), (2, -2.0)])
    assert (entry.text, entry.bytes, entry.logprob) == (" the", b" the", -0.5)
    assert b"".join(top.bytes for top in entry.top) == "€".encode()


def test_sentencepiece_tokens_keep_their_space_and_single_bytes():
    tokenizer = Tokenizer(models.BPE(vocab={"▁the": 0, "<0xE2>": 1}, merges=[], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    texts = TokenTexts(tokenizer)
    assert (texts.entry(0, 0.0).text, texts.entry(0, 0.0).bytes) == (" the", b" the")
    assert texts.entry(1, 0.0).bytes == b"\xe2"
