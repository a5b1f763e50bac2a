"""Tensors as people read them back: the header of a safetensors file first, then the bytes of those that are wanted.

Trusts nothing that the header says: places and shapes are checked against the file's size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import BlobError, NotFound, StepwellError
from ..notebook.lists import Listing, media_list
from .artifact import Artifact
from .logged import Logged
from .reader import Reader
from .records import RunKey

if TYPE_CHECKING:
    import numpy as np

__all__ = ["LoggedTensor", "TensorInfo", "tensors_of"]

_HEADER_BYTES_MAX = 100_000_000  # as the format's own library has it
_NUMPY = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_ML_DTYPES = {
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a file. dtype: as safetensors writes it: F32, BF16, I64, ..."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    """Its first byte in the file."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class LoggedTensor(Logged):
    """A tensor, or a dict of them, that was logged under a name at a step."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The dict it was kept with."""
        return self.artifact.metadata

    @property
    def size(self) -> int:
        """Bytes of its file."""
        return self.artifact.size

    @cached_property
    def tensors(self) -> dict[str, TensorInfo]:
        """Type and shape of each by its key, for which only the head of the file is read; a single one is "tensor".

        Raises:
            NotFound: It waits on its host still.
            BlobError: The bytes are not those that were recorded.
        """
        size = self._file.size
        length = int.from_bytes(self._bytes(0, min(8, size)), "little")
        if not 2 <= length <= min(size - 8, _HEADER_BYTES_MAX):
            raise self._damaged(f"its header would have {length} bytes")
        try:
            header = json.loads(self._bytes(8, length))
            found = {key: _info(said, 8 + length) for key, said in header.items() if key != "__metadata__"}
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise self._damaged(f"its header says {error!r}") from error
        for key, info in found.items():
            if info.begin < 8 + length or info.begin + info.size > size:
                raise self._damaged(f"{key!r} would lie outside")
        return found

    def load(self, key: str | None = None) -> Any:
        """As numpy arrays, bit for bit. Of bfloat16 and floats of 8 bits the types are those of ml_dtypes.

        Args:
            key: Of one tensor of a dict, of which no others' bytes are read. Default: all, as a dict; or the array,
                where a single tensor was logged.

        Raises:
            NotFound: It has no such tensor, or waits on its host still.
            BlobError: The bytes are not those that were recorded.
            StepwellError: ml_dtypes is needed and not installed.

        Example:
            ```python
            first = run.tensors("layers")[-1].load("first")
            ```
        """
        if key is None and self._file.path == "tensor.safetensors":
            key = "tensor"
        if key is None:
            return {name: self._array(name, info) for name, info in self.tensors.items()}
        if key not in self.tensors:
            shown = ", ".join(list(self.tensors)[:10])
            raise NotFound(f"tensor {self.name!r} of {self.artifact.run} has no {key!r}; it has {shown}")
        return self._array(key, self.tensors[key])

    def __repr__(self) -> str:
        return f"<tensor {self.name!r} step {self.step}, {self.size} bytes>"

    @property
    def _file(self) -> Any:
        return self.artifact.files[0]

    def _bytes(self, offset: int, length: int) -> bytes:
        return b"".join(self.artifact.read(self._file.path, offset, length)) if length else b""

    def _array(self, key: str, info: TensorInfo) -> np.ndarray:
        import numpy as np

        dtype = _dtype(info.dtype)
        if math.prod(info.shape) * dtype.itemsize != info.size:
            raise self._damaged(f"{key!r} of {info.shape} has {info.size} bytes")
        data = bytearray(self._bytes(info.begin, info.size))  # so that the array may be written
        return np.frombuffer(data, dtype).reshape(info.shape)

    def _damaged(self, why: str) -> BlobError:
        return BlobError(f"tensor {self.name!r} of {self.artifact.run} is no safetensors file: {why}")


def tensors_of(reader: Reader, key: RunKey, name: str | None) -> list[LoggedTensor]:
    made = [LoggedTensor(Artifact(key, info, reader)) for info in reader.media(key, "tensor", name) if info.files]
    return Listing(made, media_list)


def _info(said: Mapping[str, Any], begin: int) -> TensorInfo:
    first, end = (int(place) for place in said["data_offsets"])
    shape = tuple(int(length) for length in said["shape"])
    if not 0 <= first <= end or any(length < 0 for length in shape):
        raise ValueError(f"{first} to {end} of {shape}")
    return TensorInfo(str(said["dtype"]), shape, begin + first, end - first)


def _dtype(name: str) -> np.dtype[Any]:
    import numpy as np

    if name in _NUMPY:
        return np.dtype(_NUMPY[name])
    if name not in _ML_DTYPES:
        raise StepwellError(f"tensors of type {name} cannot be read as numpy arrays")
    try:
        import ml_dtypes
    except ImportError:
        raise StepwellError(f"numpy has no type for {name}: pip install ml_dtypes") from None
    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, _ML_DTYPES[name]))
    return dtype
