"""Options about the model: which one, from which files, on which device."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath

from engine.adapters.asked import AdapterOption, checked_alias
from engine.errors import AdapterError
from mistralrs_agent.options.section import Rule, Section, flag


def _is_jinja(path: FilePath) -> FilePath:
    if path.suffix != ".jinja":
        raise ValueError("the file name must end in .jinja")
    return path


class Model(Section):
    """Which model to run."""

    heading: ClassVar[str] = "Model"
    tables: ClassVar[tuple[str, ...]] = ("models",)

    kind: Annotated[
        Literal["auto", "text", "multimodal", "diffusion", "speech", "embedding"],
        flag("kind", not_yet=("multimodal", "diffusion", "speech", "embedding")),
    ] = "auto"
    """What the model does; `auto` looks at its files."""
    model_id: Annotated[str | None, flag("-m", "--model-id", also=("--model", "--model-path"))] = None
    """Hugging Face repository, local folder or GGUF file; without it the small built-in demonstration model."""
    alias: Annotated[str | None, flag("--alias", also=("--served-model-name",))] = None
    """Name that clients use for the model instead of its id."""
    revision: Annotated[str | None, flag("--revision", also=("--huggingface-model-revision",))] = None
    """Branch, tag or commit of the repository; `main` when unset."""
    tokenizer: Annotated[FilePath | None, flag("-t", "--tokenizer")] = None
    """A tokenizer.json to use instead of the model's own."""
    arch: Annotated[str | None, flag("-a", "--arch", metavar="NAME")] = None
    """Run as this architecture instead of the one found in the model's files; `transformers` forces the broad path."""
    dtype: Annotated[Literal["auto", "bf16", "f16", "f32"], flag("--dtype")] = "auto"
    """Type of the activations and of unquantised weights."""


class Template(Section):
    """How a conversation becomes a prompt. In a file, `[runtime]` may hold these keys too."""

    heading: ClassVar[str] = "Chat template"
    tables: ClassVar[tuple[str, ...]] = ("models", "runtime")

    chat_template: Annotated[FilePath | None, flag("-c", "--chat-template")] = None
    """A .jinja or .json file with the chat template, used instead of the model's own."""
    jinja_explicit: Annotated[FilePath | None, AfterValidator(_is_jinja), flag("-j", "--jinja-explicit")] = None
    """A .jinja file that wins over every other template."""
    matformer_config_path: Annotated[FilePath | None, flag("--matformer-config-path", supported=False)] = None
    """CSV file with the slices of a MatFormer model."""
    matformer_slice_name: Annotated[str | None, flag("--matformer-slice-name", supported=False)] = None
    """Slice of a MatFormer model to run."""


def _plain_has_no_file(section: Format, spell: object) -> str | None:
    if section.quantized_file and section.format == "plain" and "format" in section.model_fields_set:
        return f"a quantised file ({section.quantized_file!r}) needs the format 'gguf', not 'plain'"
    return None


class Format(Section):
    """Where the weights are and how they are stored."""

    heading: ClassVar[str] = "Weight format"
    tables: ClassVar[tuple[str, ...]] = ("models.format",)
    rules: ClassVar[tuple[Rule, ...]] = (_plain_has_no_file,)

    format: Annotated[Literal["plain", "gguf", "ggml"], flag("--format", not_yet=("ggml",))] = "plain"
    """`plain` is safetensors; a quantised file that ends in .gguf implies `gguf`."""
    quantized_file: Annotated[
        str | None, flag("-f", "--quantized-file", also=("--weight-path",), metavar="FILE[;FILE]")
    ] = None
    """GGUF file in the repository or folder, or a path; several parts are separated by `;`."""
    tok_model_id: Annotated[str | None, flag("--tok-model-id")] = None
    """Repository or folder that supplies tokenizer and chat template for a GGUF file."""
    mmproj: Annotated[str | None, flag("--mmproj", supported=False)] = None
    """GGUF file with the vision part."""
    gqa: Annotated[int, flag("--gqa", supported=False)] = 1
    """Grouped-query factor of a GGML file."""


class Quantization(Section):
    """Making weights smaller while loading."""

    heading: ClassVar[str] = "Quantisation"
    tables: ClassVar[tuple[str, ...]] = ("models.quantization",)

    quant: Annotated[str | None, flag("--quant", metavar="LEVEL")] = None
    """Level or type to run at, as for `--isq`; a ready-made GGUF file of that level is taken where there is one."""
    isq: Annotated[str | None, flag("--isq", keys=("in_situ_quant",), metavar="LEVEL")] = None
    """Quantise while loading: 2, 3, 4, 5, 6, 8, q4_0, q4_1, q5_0, q5_1, q8_0, q2k, q3k, q4k, q5k, q6k or fp8."""
    from_uqff: Annotated[str | None, flag("--from-uqff", supported=False, metavar="FILE[;FILE]")] = None
    """UQFF files to load the weights from."""
    isq_organization: Annotated[Literal["default", "moqe"], flag("--isq-organization", supported=False)] = "default"
    """Which layers are quantised; `moqe` means the experts only."""
    imatrix: Annotated[FilePath | None, flag("--imatrix", supported=False)] = None
    """Importance matrix for quantising."""
    calibration_file: Annotated[FilePath | None, flag("--calibration-file", supported=False)] = None
    """Text from which an importance matrix is made."""


class LoraEntry(BaseModel):
    """An adapter as a configuration file lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alias: str
    source: str
    revision: str | None = None

    def option(self) -> AdapterOption:
        return AdapterOption(checked_alias(self.alias), self.source, self.revision)


def _names_adapters(entries: tuple[str | LoraEntry, ...]) -> tuple[str | LoraEntry, ...]:
    aliases = [option.alias for option in adapter_options(entries)]
    if twice := sorted({alias for alias in aliases if aliases.count(alias) > 1}):
        raise ValueError(f"{twice[0]!r} is the name of several adapters")
    return entries


def adapter_options(entries: Iterable[str | LoraEntry]) -> list[AdapterOption]:
    """What the engine is to load."""
    try:
        parsed = [[e.option()] if isinstance(e, LoraEntry) else AdapterOption.parse_list(e) for e in entries]
    except AdapterError as error:
        raise ValueError(str(error)) from error
    return [option for options in parsed for option in options]


class Adapters(Section):
    """LoRA and X-LoRA adapters."""

    heading: ClassVar[str] = "Adapters"
    tables: ClassVar[tuple[str, ...]] = ("models.adapter",)

    enable_lora: Annotated[bool, flag("--enable-lora", env="MISTRALRS_ALLOW_RUNTIME_LORA_UPDATING")] = False
    """Let clients load and unload adapters while the server runs, from folders below `--lora-root`."""
    lora_root: Annotated[Path | None, flag("--lora-root", metavar="DIR", env="MISTRALRS_LORA_ADAPTER_ROOT")] = None
    """Folder that adapters may be loaded from while the server runs; nothing can be loaded then when unset."""
    lora: Annotated[
        tuple[str | LoraEntry, ...],
        AfterValidator(_names_adapters),
        flag("--lora", also=("--lora-modules", "--lora-paths"), metavar="ALIAS=SOURCE[;…]"),
    ] = ()
    """LoRA adapters to load at start, each under a name for requests: PEFT folders or Hugging Face repositories."""
    lora_max_adapters: Annotated[int, Field(gt=0), flag("--lora-max-adapters", also=("--max-loras",))] = 16
    """Adapters that may be loaded at once."""
    lora_max_rank: Annotated[int, Field(gt=0), flag("--lora-max-rank", also=("--max-lora-rank",))] = 256
    """Highest rank of an adapter."""
    lora_max_bytes: Annotated[int, Field(gt=0), flag("--lora-max-bytes")] = 8 * 1024**3
    """Memory for adapters, in bytes."""
    legacy_lora: Annotated[str | None, flag("--legacy-lora", supported=False, metavar="ID[;ID]")] = None
    """Static adapters of a GGML or Phi-3 GGUF model."""
    legacy_lora_order: Annotated[FilePath | None, flag("--legacy-lora-order", supported=False)] = None
    """Ordering file of the static adapters."""
    xlora: Annotated[str | None, flag("--xlora", supported=False, metavar="ID")] = None
    """X-LoRA adapter repository."""
    xlora_order: Annotated[FilePath | None, flag("--xlora-order", supported=False)] = None
    """Ordering file of the X-LoRA adapters."""
    tgt_non_granular_index: Annotated[int | None, flag("--tgt-non-granular-index", supported=False)] = None
    """Reply token from which X-LoRA scalings are reused."""


class Device(Section):
    """Where the model runs and how long its context may grow."""

    heading: ClassVar[str] = "Device"
    tables: ClassVar[tuple[str, ...]] = ("models.device",)

    cpu: Annotated[bool, flag("--cpu")] = False
    """Run on the CPU even where there is an accelerator."""
    threads: Annotated[int | None, Field(gt=0), flag("--threads")] = None
    """CPU threads of the engine; all physical cores when unset."""
    max_seq_len: Annotated[int | None, Field(gt=0), flag("--max-seq-len", also=("--max-length", "--max-model-len"))] = (
        None
    )
    """Longest context in tokens; what the model was trained for, as far as memory goes, when unset."""
    hf_cache: Annotated[str | None, flag("--hf-cache", metavar="DIR")] = None
    """Folder of the Hugging Face cache; `HF_HUB_CACHE` or `HF_HOME` when unset."""
    device_layers: Annotated[str | None, flag("-n", "--device-layers", supported=False, metavar="ORD:NUM[;…]")] = None
    """Layers per device."""
    topology: Annotated[FilePath | None, flag("--topology", supported=False)] = None
    """YAML file with a quantisation type and device per layer."""
    max_batch_size: Annotated[int, flag("--max-batch-size", supported=False)] = 1
    """Batch size that device mapping plans for."""


class Multimodal(Section):
    """Limits for images."""

    heading: ClassVar[str] = "Multimodal"
    tables: ClassVar[tuple[str, ...]] = ("models.multimodal",)

    max_edge: Annotated[int | None, flag("--max-edge", supported=False)] = None
    """Longest edge of an image, in pixels; larger images are scaled down."""
    max_num_images: Annotated[int | None, flag("--max-num-images", supported=False)] = None
    """Images per request that device mapping plans for."""
    max_image_length: Annotated[int | None, flag("--max-image-length", supported=False)] = None
    """Image edge that device mapping plans for."""
