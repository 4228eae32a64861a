"""A tokenizer, out of a tokenizer.json, tekken.json or tokenizer.model, or built from a GGUF file. No torch here."""

from __future__ import annotations

from typing import Any, cast

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram, WordPiece

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.gguf import GGUFFile, MetadataValue
from engine.loading.pretokenizer import PRETOKENIZERS
from engine.loading.sentencepiece_model import SentencePieceModel, read_sentencepiece
from engine.loading.source import ModelSource
from engine.loading.tekken import tekken_tokenizer

_NORMAL, _CONTROL, _USER_DEFINED, _BYTE = 1, 3, 4, 6
_SPACE = "▁"
_LONGEST_WORD = 100
"""Letters; a longer word is unknown to WordPiece."""
_SPECIAL = ("bos", "eos", "unknown", "padding", "cls", "seperator", "mask")
"""`seperator` is how GGUF spells it."""


Vocabulary = GGUFFile | SentencePieceModel


def load_tokenizer(source: ModelSource) -> Tokenizer:
    """`encode` adds the beginning-of-sequence token where the model wants one; chat templates write their own.

    Raises: CorruptModel for a damaged file, UnsupportedModel for a kind of vocabulary we cannot build.
    """
    if source.tokenizer_file is None:
        return gguf_tokenizer(source.gguf_files[0])
    if source.tokenizer_file.name == "tekken.json":
        return tekken_tokenizer(source.tokenizer_file)
    if source.tokenizer_file.suffix == ".model":
        return gguf_tokenizer(read_sentencepiece(source.tokenizer_file))
    try:
        return Tokenizer.from_file(str(source.tokenizer_file))
    except Exception as error:  # the library raises bare Exception for whatever is wrong with a file
        raise CorruptModel(f"{source.tokenizer_file} is not a valid tokenizer.json: {error}") from error


def gguf_tokenizer(file: Vocabulary) -> Tokenizer:
    """Build the tokenizer that a GGUF file describes, or a SentencePiece model in the same words.

    Raises: as `load_tokenizer`.
    """
    kind = file.metadata.get("tokenizer.ggml.model")
    if kind == "gpt2":
        tokenizer = _byte_bpe(file)
    elif kind in ("llama", "gemma"):
        tokenizer = _sentencepiece_bpe(file)
    elif kind == "t5":
        tokenizer = _unigram(file)
    elif kind == "bert":
        tokenizer = _word_pieces(file)
    else:
        raise UnsupportedModel(
            f"{file.path}: tokenizer kind {kind!r} is not supported; supported: gpt2, llama, gemma, t5, bert."
        )
    _add_special_tokens(tokenizer, file, normalized=kind != "gpt2", user_defined=kind != "t5")
    return tokenizer


def _byte_bpe(file: Vocabulary) -> Tokenizer:
    """Byte-level BPE, split into words by one of the known rules."""
    name = str(file.metadata.get("tokenizer.ggml.pre"))
    if name not in PRETOKENIZERS:
        raise UnsupportedModel(
            f"{file.path}: pre-tokeniser {name!r} is not supported; supported: {', '.join(PRETOKENIZERS)}."
        )
    rule = PRETOKENIZERS[name]
    merges = [_pair(merge, file) for merge in _texts(file, "merges")]
    tokenizer = _bpe(file, merges, ignore_merges=rule.ignore_merges)
    if rule.normalize:
        tokenizer.normalizer = normalizers.NFC()
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in rule.patterns]
    bytes_to_letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, bytes_to_letters])
    tokenizer.decoder = decoders.ByteLevel()
    _add_ends(tokenizer, file, bos_by_default=rule.adds_bos)
    return tokenizer


def _sentencepiece_bpe(file: Vocabulary) -> Tokenizer:
    """SentencePiece BPE: spaces are letters, unknown characters fall back to bytes."""
    if "tokenizer.ggml.merges" in file.metadata:
        merges = [_pair(merge, file) for merge in _texts(file, "merges")]
    else:
        merges = _merges_from_scores(_vocabulary(file), _scores(file))
    tokenizer = _bpe(file, merges, unk_token=_special_text(file, "unknown"), fuse_unk=True, byte_fallback=True)
    _spaces_are_letters(tokenizer, file)
    _add_ends(tokenizer, file, bos_by_default=True)
    return tokenizer


def _unigram(file: Vocabulary) -> Tokenizer:
    """SentencePiece's unigram model: of all ways to cut a text into pieces, the one whose scores sum to the most."""
    pieces, unknown = _texts(file, "tokens"), file.metadata.get("tokenizer.ggml.unknown_token_id")
    if not isinstance(unknown, int) or not 0 <= unknown < len(pieces):
        raise CorruptModel(f"{file.path}: a unigram vocabulary needs 'tokenizer.ggml.unknown_token_id'.")
    types = _types(file, len(pieces))
    rows = zip(pieces, _scores(file), types, strict=True)
    scored = [(piece, 0.0 if type == _USER_DEFINED else score) for piece, score, type in rows]  # 0: always taken whole
    tokenizer = Tokenizer(Unigram(scored, unknown, byte_fallback=_BYTE in types))
    _spaces_are_letters(tokenizer, file)
    # Where no piece goes on after a space, cutting there first gives the same pieces sooner.
    split = not any(_SPACE in piece[1:] for piece in pieces)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=split)
    _add_ends(tokenizer, file, bos_by_default=False, eos_by_default=True)
    return tokenizer


def _spaces_are_letters(tokenizer: Tokenizer, file: Vocabulary) -> None:
    """SentencePiece's normalisation of a text, and the way back."""
    steps: list[Any] = []
    if charsmap := file.metadata.get("tokenizer.ggml.precompiled_charsmap"):
        steps.append(normalizers.Precompiled(bytes(byte & 255 for byte in cast("list[int]", charsmap))))
    if file.metadata.get("tokenizer.ggml.remove_extra_whitespaces"):
        steps += [normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    back: list[Any] = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if file.metadata.get("tokenizer.ggml.add_space_prefix", True):
        steps.append(normalizers.Prepend(_SPACE))
        back.append(decoders.Strip(" ", 1, 0))
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", _SPACE)])
    tokenizer.decoder = decoders.Sequence(back)


def _word_pieces(file: Vocabulary) -> Tokenizer:
    """WordPiece in small letters: GGUF marks tokens that begin a word, the library those that do not."""
    special = {_special_text(file, name) for name in _SPECIAL}
    unknown = _special_text(file, "unknown")
    if unknown is None:
        raise CorruptModel(f"{file.path}: a WordPiece vocabulary needs 'tokenizer.ggml.unknown_token_id'.")
    pieces = {
        token if token in special else token.removeprefix(_SPACE) if token.startswith(_SPACE) else f"##{token}": number
        for token, number in _vocabulary(file).items()
    }
    tokenizer = Tokenizer(WordPiece(pieces, unk_token=unknown, max_input_chars_per_word=_LONGEST_WORD))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    begin, end = _special_text(file, "cls"), _special_text(file, "seperator")
    if begin is not None and end is not None:
        tokenizer.post_processor = processors.BertProcessing((end, pieces[end]), (begin, pieces[begin]))
    return tokenizer


def _bpe(file: Vocabulary, merges: list[tuple[str, str]], **settings: Any) -> Tokenizer:
    try:
        return Tokenizer(BPE(_vocabulary(file), merges, **settings))
    except Exception as error:  # the library raises bare Exception for merges that make no token
        raise CorruptModel(f"{file.path}: vocabulary and merges do not go together: {error}") from error


def _merges_from_scores(vocabulary: dict[str, int], scores: list[float]) -> list[tuple[str, str]]:
    """Every pair of tokens that makes a token; SentencePiece joins the pair whose result has the best score first."""
    pairs: list[tuple[float, int, int, str, str]] = []
    for token, number in vocabulary.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in vocabulary and right in vocabulary:
                pairs.append((-scores[number], len(left), len(right), left, right))
    pairs.sort(key=lambda pair: pair[:3])
    return [(left, right) for *_, left, right in pairs]


def _add_special_tokens(tokenizer: Tokenizer, file: Vocabulary, *, normalized: bool, user_defined: bool) -> None:
    """Control tokens are special; `user_defined` ones are found whole and stay in the text: unigram does so itself."""
    tokens = _texts(file, "tokens")
    special = {_special_text(file, name) for name in _SPECIAL}
    named = list(zip(tokens, _types(file, len(tokens)), strict=False))
    control = [token for token, type in named if type == _CONTROL or token in special]
    whole = [token for token, type in named if type == _USER_DEFINED and token not in special]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    if user_defined:
        tokenizer.add_tokens([AddedToken(token, special=False, normalized=normalized) for token in whole])


def _add_ends(tokenizer: Tokenizer, file: Vocabulary, *, bos_by_default: bool, eos_by_default: bool = False) -> None:
    """Beginning and end of sequence around what is encoded, as the file says or else by default."""
    ends: dict[str, tuple[str, int]] = {}
    for name, by_default in (("bos", bos_by_default), ("eos", eos_by_default)):
        text, number = _special_text(file, name), file.metadata.get(f"tokenizer.ggml.{name}_token_id")
        added = file.metadata.get(f"tokenizer.ggml.add_{name}_token", by_default)
        if added and text is not None and isinstance(number, int):
            ends[name] = (text, number)
    if ends:
        before, after = ([ends[name][0]] if name in ends else [] for name in ("bos", "eos"))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=[*before, "$A", *after], pair=[*before, "$A", "$B", *after], special_tokens=list(ends.values())
        )


def _types(file: Vocabulary, count: int) -> list[int]:
    types = file.metadata.get("tokenizer.ggml.token_type")
    return cast("list[int]", types) if isinstance(types, list) else [_NORMAL] * count


def _vocabulary(file: Vocabulary) -> dict[str, int]:
    return {token: number for number, token in enumerate(_texts(file, "tokens"))}


def _special_text(file: Vocabulary, name: str) -> str | None:
    """The token that `tokenizer.ggml.<name>_token_id` points to, if any."""
    number = file.metadata.get(f"tokenizer.ggml.{name}_token_id")
    tokens = _texts(file, "tokens")
    return tokens[number] if isinstance(number, int) and 0 <= number < len(tokens) else None


def _pair(merge: str, file: Vocabulary) -> tuple[str, str]:
    left, space, right = merge.partition(" ")
    if not space:
        raise CorruptModel(f"{file.path}: {merge!r} in 'tokenizer.ggml.merges' is not a pair of tokens.")
    return left, right


def _texts(file: Vocabulary, key: str) -> list[str]:
    return cast("list[str]", _array(file, key, str))


def _scores(file: Vocabulary) -> list[float]:
    scores, count = cast("list[float]", _array(file, "scores", float)), len(_texts(file, "tokens"))
    if len(scores) != count:
        raise CorruptModel(f"{file.path}: 'tokenizer.ggml.scores' has {len(scores)} entries, should have {count}.")
    return scores


def _array(file: Vocabulary, key: str, type: type) -> list[MetadataValue]:
    values = file.metadata.get(f"tokenizer.ggml.{key}")
    if not isinstance(values, list) or not values or not isinstance(values[0], type):
        raise CorruptModel(f"{file.path}: 'tokenizer.ggml.{key}' is missing or not a list of {type.__name__}.")
    return values
