"""Weighted mean of adapters from one line of training, which errs less than each: `python -m training.average OUT FOLDER=WEIGHT …`.

Wortsman et al. 2022, "Model soups", arXiv:2203.05482.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from safetensors.torch import load_file, save_file

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


def average(parts: dict[Path, float], out: Path) -> None:
    """Write the mean of PEFT folders. Raises: ValueError when they are not adapters of one shape."""
    adapters = {folder: load_file(folder / WEIGHTS) for folder in parts}
    (folder, first), *_ = adapters.items()
    config = (folder / CONFIG).read_text("utf-8")
    shapes = {name: tensor.shape for name, tensor in first.items()}
    if any({name: tensor.shape for name, tensor in other.items()} != shapes for other in adapters.values()):
        raise ValueError("these adapters have not the same matrices")
    whole = sum(parts.values())
    mean = {
        name: sum(adapters[part][name].float() * (weight / whole) for part, weight in parts.items()).to(tensor.dtype)
        for name, tensor in first.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file(mean, out / WEIGHTS, metadata={"format": "pt"})
    (out / CONFIG).write_text(config, "utf-8")


def _part(text: str) -> tuple[Path, float]:
    folder, _, weight = text.rpartition("=")
    return Path(folder), float(weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", type=_part, nargs="+", metavar="FOLDER=WEIGHT")
    chosen = parser.parse_args()
    average(dict(chosen.parts), chosen.out)


if __name__ == "__main__":
    main()
