"""Pictures that tools make, kept as files: a terminal can only say where they are."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path


class ImageFolder:
    """A private folder for this run, made with the first picture and left for the person to look into."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._saved = 0

    def save(self, images: Sequence[bytes]) -> list[Path]:
        """Write PNG files and return where they are.

        Raises: OSError.
        """
        return [self._save(image) for image in images]

    def _save(self, image: bytes) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="mistralrs-images-"))
        self._saved += 1
        path = self._folder / f"image-{self._saved}.png"
        path.write_bytes(image)
        return path
