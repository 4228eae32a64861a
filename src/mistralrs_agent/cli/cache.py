"""`mistralrs cache`: the models that the Hugging Face cache holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mistralrs_agent.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo, HFCacheInfo


@click.group()
def cache() -> None:
    """List or delete downloaded models.

    \b
    Examples:
      mistralrs cache list
      mistralrs cache delete -m Qwen/Qwen3-4B
    """


@cache.command("list")
def list_models() -> None:
    """Show each model with its size and when it was last used."""
    models = _models(_scan())
    if not models:
        click.echo("The cache holds no models.")
        return
    width = max(len(model.repo_id) for model in models)
    click.echo(f"{'Model':<{width}}  {'Size':>10}  Last used")
    for model in models:
        used = datetime.fromtimestamp(model.last_accessed, UTC).astimezone()
        click.echo(f"{model.repo_id:<{width}}  {_size(model.size_on_disk):>10}  {used:%Y-%m-%d %H:%M}")
    click.echo(f"{'Total':<{width}}  {_size(sum(model.size_on_disk for model in models)):>10}")


@cache.command()
@click.option("-m", "--model-id", required=True, metavar="ID", help="Repository to delete, such as Qwen/Qwen3-4B.")
def delete(model_id: str) -> None:
    """Delete one model from the cache.

    \b
    Example:
      mistralrs cache delete -m Qwen/Qwen3-4B
    """
    scan = _scan()
    models = _models(scan)
    found = next((model for model in models if model.repo_id == model_id), None)
    if scan is None or found is None:
        known = ", ".join(model.repo_id for model in models) or "no models"
        raise UserError(f"the cache does not hold {model_id!r}; it holds {known}")
    scan.delete_revisions(*(revision.commit_hash for revision in found.revisions)).execute()
    click.echo(f"Deleted {model_id} ({_size(found.size_on_disk)}).")


def _scan() -> HFCacheInfo | None:
    """What the cache folder holds; None when there is no folder yet."""
    from huggingface_hub import CacheNotFound, scan_cache_dir  # noqa: PLC0415 - slow, and needed by this command only

    try:
        return scan_cache_dir()
    except CacheNotFound:
        return None


def _models(scan: HFCacheInfo | None) -> list[CachedRepoInfo]:
    repositories = scan.repos if scan else ()
    return sorted((repo for repo in repositories if repo.repo_type == "model"), key=lambda repo: repo.repo_id)


def _size(count: float) -> str:
    """Bytes with a binary unit, as in `1.2 GiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
