"""The older JSON layout of a configuration file, turned into the tables of the TOML layout.

{"label": {"alias": …, "in_situ_quant": …, "Plain" | "GGUF": {"model_id": …, …}}, …}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from mistralrs_agent.errors import ConfigError

Table = dict[str, Any]

_KINDS: Mapping[str, str] = {"Plain": "plain", "GGUF": "gguf"}
_KEYS: Mapping[str, tuple[str, str]] = {
    "model_id": ("", "model_id"),
    "quantized_model_id": ("", "model_id"),
    "arch": ("", "arch"),
    "dtype": ("", "dtype"),
    "tokenizer_json": ("", "tokenizer"),
    "alias": ("", "alias"),
    "chat_template": ("", "chat_template"),
    "jinja_explicit": ("", "jinja_explicit"),
    "matformer_config_path": ("", "matformer_config_path"),
    "matformer_slice_name": ("", "matformer_slice_name"),
    "quantized_filename": ("format", "quantized_file"),
    "tok_model_id": ("format", "tok_model_id"),
    "in_situ_quant": ("quantization", "isq"),
    "from_uqff": ("quantization", "from_uqff"),
    "organization": ("quantization", "isq_organization"),
    "imatrix": ("quantization", "imatrix"),
    "calibration_file": ("quantization", "calibration_file"),
    "topology": ("device", "topology"),
    "num_device_layers": ("device", "device_layers"),
    "hf_cache_path": ("device", "hf_cache"),
    "max_seq_len": ("device", "max_seq_len"),
    "max_batch_size": ("device", "max_batch_size"),
}
"""Key of the JSON layout → table below `[[models]]` and key of the TOML layout."""


def tables_from_json(text: str) -> Table:
    """The TOML tables that say the same as the JSON `text`.

    Raises: ConfigError for content that has no counterpart, ValueError for text that is not JSON.
    """
    labels = json.loads(text)
    if not isinstance(labels, dict):
        raise ConfigError("the file should hold one object with a label for each model")
    return {"models": [_model(label, entry) for label, entry in cast("Table", labels).items()]}


def _model(label: str, entry: Any) -> Table:
    if not isinstance(entry, dict):
        raise ConfigError(f"{label} should be an object with a model in it")
    settings = {key: value for key, value in cast("Table", entry).items() if not isinstance(value, dict)}
    kinds = {key: cast("Table", value) for key, value in cast("Table", entry).items() if isinstance(value, dict)}
    if unknown := [kind for kind in kinds if kind not in _KINDS]:
        raise ConfigError(f"{label}: models of the kind {unknown[0]!r} are not supported yet; Plain and GGUF are")
    if len(kinds) != 1:
        raise ConfigError(f"{label} should name one model, as Plain or GGUF")
    ((kind, content),) = kinds.items()
    model: Table = {"format": {"format": _KINDS[kind]}, "quantization": {}, "device": {}}
    for key, value in (settings | content).items():
        if key not in _KEYS:
            nearest = get_close_matches(key, _KEYS, n=1)
            raise ConfigError(f"unknown key {label}.{key}" + (f"; did you mean {nearest[0]}?" if nearest else ""))
        table, name = _KEYS[key]
        if value is not None:
            (model[table] if table else model)[name] = value
    return model
