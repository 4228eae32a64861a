"""Models from the Hugging Face hub, through its own client and into its own cache.

Only the files a model needs are fetched. Without a connection, or with HF_HUB_OFFLINE=1, what is cached is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from engine.adapters.config import CONFIG_FILE, WEIGHTS_FILE
from engine.errors import ModelLoadError, ModelNotFound
from engine.loading.files import TOKENIZER_FILES, ModelFolder, choose_gguf, choose_safetensors, read_json
from engine.options import ModelOptions
from engine.quant.levels import labels_of

_INDEX = "model.safetensors.index.json"
Report = Callable[[str], None]


def is_repository_id(text: str) -> bool:
    """Whether `text` could name a repository: `owner/name` or `name`."""
    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return not text.startswith((".", "/", "~"))


def fetch_model(repo_id: str, options: ModelOptions, report: Report) -> ModelFolder:
    """The folder of a repository with config, tokenizer and weights in it, downloaded unless cached.

    Raises: ModelNotFound when there is no such repository or revision or it cannot be reached.
    """
    return _Repository(repo_id, options, report).fetch("model")


def fetch_tokenizer(repo_id: str, options: ModelOptions, report: Report) -> ModelFolder:
    """As `fetch_model`, without weights."""
    return _Repository(repo_id, options, report).fetch("tokenizer")


def fetch_adapter(repo_id: str, options: ModelOptions, report: Report) -> ModelFolder:
    """As `fetch_model`, the two files of a PEFT adapter."""
    return _Repository(repo_id, options, report).fetch("adapter")


class _Repository:
    """One repository at one revision."""

    def __init__(self, repo_id: str, options: ModelOptions, report: Report) -> None:
        self._repo_id = repo_id
        self._options = options
        self._report = report
        self._token = _token(options.token_source)

    def fetch(self, what: Literal["model", "tokenizer", "adapter"]) -> ModelFolder:
        self._report(f"Asking the hub for {self._repo_id}.")
        try:
            # asked in one try, unlike the listing of files: without a connection the cache should answer at once
            info = HfApi(token=self._token).model_info(self._repo_id, revision=self._options.revision, timeout=10)
        except GatedRepoError as error:
            raise ModelNotFound(
                f"The hub repository {self._repo_id!r} is gated: accept its terms on the hub, and give a token "
                "(--token-source, or `hf auth login`)."
            ) from error
        except RevisionNotFoundError as error:
            raise ModelNotFound(f"{self._repo_id!r} has no revision {self._options.revision!r}.") from error
        except RepositoryNotFoundError as error:
            raise ModelNotFound(
                f"There is no folder or hub repository {self._repo_id!r} (or it is private and needs a token)."
            ) from error
        except (OfflineModeIsEnabled, ConnectionError, HfHubHTTPError, OSError) as error:
            return self._cached(error)
        except Exception as error:  # the client's transport errors have no common class of their own
            if not type(error).__module__.startswith(("httpx", "httpcore")):
                raise
            return self._cached(error)
        names = [file.rfilename for file in info.siblings or ()]
        self._report(f"Fetching {self._repo_id} from the hub, unless it is cached.")
        if what == "adapter":
            return self._download([name for name in names if name in (CONFIG_FILE, WEIGHTS_FILE)])
        small = [name for name in names if name in TOKENIZER_FILES]
        if what == "tokenizer":
            return self._download(small)
        options = self._options
        labels = labels_of(options.quant) if options.quant else ()
        chosen = choose_gguf(names, options.quantized_file, options.format == "gguf", self._repo_id, labels)
        return self._download(small + (chosen or self._safetensors(names)))

    def _safetensors(self, names: list[str]) -> list[str]:
        index = None
        if _INDEX in names:
            index = read_json(self._download([_INDEX]).path / _INDEX)
        return choose_safetensors(names, index, self._repo_id) + ([_INDEX] if index else [])

    def _download(self, names: Sequence[str]) -> ModelFolder:
        try:
            return ModelFolder(self._snapshot(names, local_files_only=False))
        except (HfHubHTTPError, LocalEntryNotFoundError) as error:
            raise ModelLoadError(f"Downloading {self._repo_id!r} failed: {error}") from error

    def _cached(self, reason: Exception) -> ModelFolder:
        """What is cached: files we never fetched may be missing from it, which newer clients report as an error."""
        try:
            return ModelFolder(self._snapshot(None, local_files_only=True))
        except LocalEntryNotFoundError as error:
            if incomplete := getattr(error, "snapshot_path", None):
                return ModelFolder(Path(incomplete))
            raise ModelNotFound(
                f"{self._repo_id!r} is no folder on this machine and not in the hub cache, "
                f"and the hub cannot be asked: {reason}"
            ) from error

    def _snapshot(self, names: Sequence[str] | None, *, local_files_only: bool) -> Path:
        path = snapshot_download(
            self._repo_id,
            revision=self._options.revision,
            cache_dir=self._options.hf_cache,
            token=self._token,
            allow_patterns=None if names is None else list(names),
            local_files_only=local_files_only,
        )
        return Path(path)


def _token(source: str) -> str | bool | None:
    """What the client takes as a token: a text, None for the one it has stored, False for none.

    Raises: ModelLoadError for a source that does not exist.
    """
    kind, _, value = source.partition(":")
    match kind:
        case "cache":
            return None
        case "none":
            return False
        case "literal":
            return value
        case "env":
            if value not in os.environ:
                raise ModelLoadError(f"--token-source env:{value}: there is no environment variable {value!r}.")
            return os.environ[value]
        case "path":
            try:
                return Path(value).expanduser().read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ModelLoadError(f"--token-source path:{value}: {error}") from error
        case _:
            raise ModelLoadError(
                "--token-source should be literal:X, env:X, path:X, cache or none; what was given is none of these."
            )
