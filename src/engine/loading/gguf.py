"""Reads GGUF files: metadata and where each tensor lies. The file is memory-mapped, tensors are never copied here.

Every length, count and offset is checked against the file before it is used, so that a damaged file ends in
`CorruptModel` and not in a huge allocation or a read beyond the end. Format: versions 2 and 3, little-endian.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from engine.errors import CorruptModel, ModelNotFound, UnsupportedModel
from engine.loading.mapped import map_file, release_pages

MetadataValue = bool | int | float | str | list["MetadataValue"]

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Codes of `struct`."""
_STRING, _ARRAY = 8, 9
_MAX_DIMENSIONS = 4
_F32 = 0


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of the file."""

    name: str
    shape: tuple[int, ...]
    """Slowest dimension first, the reverse of what the file says."""
    type_id: int
    """GGML type; see `GGMLType.file_id`."""
    offset: int
    """Bytes from the start of the file."""


@dataclass(frozen=True, slots=True)
class GGUFFile:
    """An open GGUF file. Picklable: another process maps the file anew and need not read the header again."""

    path: Path
    metadata: Mapping[str, MetadataValue] = field(repr=False)
    tensors: Mapping[str, TensorInfo] = field(repr=False)
    data: mmap.mmap = field(repr=False, compare=False)
    """Views of it must not be written to."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _map_again, (self.path, self.metadata, self.tensors)

    def bytes_of(self, tensor: TensorInfo, nbytes: int) -> memoryview:
        """A view of the mapped file, `nbytes` long.

        Raises: CorruptModel when the file ends before the tensor does.
        """
        if tensor.offset + nbytes > len(self.data):
            raise CorruptModel(
                f"{self.path} is truncated: tensor {tensor.name!r} ends at byte {tensor.offset + nbytes:,}, "
                f"the file has {len(self.data):,}."
            )
        return memoryview(self.data)[tensor.offset : tensor.offset + nbytes]

    def release(self, tensor: TensorInfo, nbytes: int) -> None:
        """Free the memory behind a tensor; it is read from the file again when looked at again."""
        release_pages(self.data, tensor.offset, nbytes)

    def floats(self, name: str) -> list[float] | None:
        """The values of a small F32 tensor, such as RoPE factors; None when there is no such tensor."""
        tensor = self.tensors.get(name)
        if tensor is None:
            return None
        if tensor.type_id != _F32:
            raise CorruptModel(f"{self.path}: tensor {name!r} should be F32, has type {tensor.type_id}.")
        return [float(value) for value in self.bytes_of(tensor, 4 * prod(tensor.shape)).cast("f")]


def read_gguf(path: Path) -> GGUFFile:
    """Map a file and parse its header.

    Raises:
        ModelNotFound: there is no such file.
        CorruptModel: it is not GGUF, or is truncated or inconsistent.
        UnsupportedModel: it is GGUF of a version or byte order we do not read.
    """
    try:
        data = map_file(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ModelNotFound(f"There is no GGUF file at {path}.") from error
    except ValueError as error:  # what mmap says of an empty file
        raise CorruptModel(f"{path} is not a GGUF file: it is empty.") from error
    header = _Header(path, data)
    version, num_tensors, num_values = header.start()
    metadata = header.metadata(num_values)
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
        raise CorruptModel(f"{path} (GGUF version {version}): general.alignment is {alignment!r}, not a power of two.")
    tensors = header.tensors(num_tensors, alignment)
    release_pages(data, 0, header.position)
    return GGUFFile(path, metadata, tensors, data)


def _map_again(path: Path, metadata: Mapping[str, MetadataValue], tensors: Mapping[str, TensorInfo]) -> GGUFFile:
    return GGUFFile(path, metadata, tensors, map_file(path))


class _Header:
    """A cursor over the head of the file."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path = path
        self._data = data
        self.position = 0

    def start(self) -> tuple[int, int, int]:
        """(version, number of tensors, number of metadata entries)."""
        if self._data[:4] != b"GGUF":
            raise CorruptModel(f"{self._path} is not a GGUF file: it starts with {self._data[:4]!r}.")
        self.position = 4
        version = self._number("<I")
        if version not in (2, 3):
            order = " (big-endian)" if version & 0xFFFF == 0 else ""
            raise UnsupportedModel(f"{self._path} has GGUF version {version}{order}; versions 2 and 3 are supported.")
        return version, self._number("<Q"), self._number("<Q")

    def metadata(self, count: int) -> dict[str, MetadataValue]:
        self._require(count, 13, "metadata entries")  # empty key, type, one byte
        values: dict[str, MetadataValue] = {}
        for _ in range(count):
            key = self._text()
            values[key] = self._value(self._number("<I"), key)
        return values

    def tensors(self, count: int, alignment: int) -> dict[str, TensorInfo]:
        self._require(count, 24, "tensors")  # empty name, no dimensions, type, offset
        found: list[TensorInfo] = []
        for _ in range(count):
            name = self._text()
            dimensions = self._number("<I")
            if dimensions > _MAX_DIMENSIONS:
                raise self._corrupt(f"tensor {name!r} has {dimensions} dimensions")
            shape = tuple(reversed([self._number("<Q") for _ in range(dimensions)]))
            if prod(shape) > len(self._data) * 8:  # no type takes less than a bit an element
                raise self._corrupt(f"tensor {name!r} of shape {shape} is larger than the file")
            found.append(TensorInfo(name, shape, self._number("<I"), self._number("<Q")))
        start = -(-self.position // alignment) * alignment
        placed = {t.name: TensorInfo(t.name, t.shape, t.type_id, start + t.offset) for t in found}
        if len(placed) < count:
            raise self._corrupt("two tensors have the same name")
        for tensor in placed.values():
            if tensor.offset >= len(self._data) and prod(tensor.shape):
                raise self._corrupt(f"tensor {tensor.name!r} starts beyond the end of the file, which is truncated")
        return placed

    def _value(self, kind: int, key: str) -> MetadataValue:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array(self._number("<I"), self._number("<Q"), key)
        return self._numbers(kind, 1, key)[0]

    def _array(self, kind: int, count: int, key: str) -> list[MetadataValue]:
        if kind == _STRING:
            self._require(count, 8, f"strings in {key!r}")
            return [*self._texts(count)]
        return self._numbers(kind, count, key)

    def _numbers(self, kind: int, count: int, key: str) -> list[MetadataValue]:
        if kind not in _SCALARS:
            raise self._corrupt(f"metadata key {key!r} has unknown type {kind}")
        code = f"<{count}{_SCALARS[kind]}"
        self._require(1, struct.calcsize(code), f"values in {key!r}")
        values = struct.unpack_from(code, self._data, self.position)
        self.position += struct.calcsize(code)
        return [*values]

    def _number(self, code: str) -> int:
        size = struct.calcsize(code)
        self._require(1, size, "header")
        (value,) = struct.unpack_from(code, self._data, self.position)
        self.position += size
        return value

    def _text(self) -> str:
        return self._texts(1)[0]

    def _texts(self, count: int) -> list[str]:
        """Strings one behind the other. A vocabulary has hundreds of thousands, so the loop calls no method of ours."""
        data, size, start, end = self._data, len(self._data), 0, self.position
        texts: list[str] = []
        try:
            for _ in range(count):
                start = end + 8
                end = start + int.from_bytes(data[end:start], "little")
                if end > size:
                    raise self._corrupt(f"it ends inside the string at byte {start:,}")
                texts.append(str(data[start:end], "utf-8"))
        except UnicodeDecodeError as error:
            raise self._corrupt(f"a string at byte {start:,} is not UTF-8") from error
        self.position = end
        return texts

    def _require(self, count: int, size: int, what: str) -> None:
        """`count` things of at least `size` bytes must still fit into the file."""
        if count * size > len(self._data) - self.position:
            raise self._corrupt(f"it ends inside its {what} ({count:,} announced at byte {self.position:,})")

    def _corrupt(self, what: str) -> CorruptModel:
        return CorruptModel(f"{self._path} is not a valid GGUF file: {what}.")
