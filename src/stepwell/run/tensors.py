"""A mapping of tensors as a file: safetensors where all values are tensors, else what torch.save writes.

The safetensors layout (https://github.com/huggingface/safetensors): the header's length in 8 bytes, a JSON header that
names type, shape and place of each tensor, then the bytes. Written here, so that recording needs no package for it.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InvalidValue
from .sources import BytesSource

__all__ = ["state_source"]

_HEADER_ALIGNED = 8
# By the name that numpy and torch have for a type.
_TYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip


def state_source(state: Mapping[str, Any], name: str) -> BytesSource:
    """One file, `name` with its suffix. Tensors on a device are copied to the host. Raises InvalidValue."""
    tensors = {str(key): value for key, value in state.items() if _type_of(value) in _TYPES}
    if state and len(tensors) == len(state):
        return BytesSource(f"{name}.safetensors", _safetensors(tensors))
    torch = sys.modules.get("torch")
    if torch is None:
        others = [key for key in state if str(key) not in tensors]
        raise InvalidValue(
            f"{name!r} holds what is no tensor ({', '.join(map(repr, others[:3])) or 'nothing'}), and torch is not "
            "loaded to save it: save it to a file, and log that"
        )
    written = io.BytesIO()
    torch.save(dict(state), written)
    return BytesSource(f"{name}.pt", written.getbuffer())


def _type_of(value: Any) -> str:
    if not hasattr(value, "shape") or getattr(value, "is_sparse", False):
        return ""
    dtype = getattr(value, "dtype", "")
    return str(getattr(dtype, "name", None) or dtype).rpartition(".")[2]


def _safetensors(tensors: Mapping[str, Any]) -> memoryview:
    header: dict[str, Any] = {}
    pieces: list[memoryview] = []
    place = 0
    for key in sorted(tensors):
        data = _bytes_of(tensors[key])
        header[key] = {
            "dtype": _TYPES[_type_of(tensors[key])],
            "shape": [int(length) for length in tensors[key].shape],
            "data_offsets": [place, place + data.nbytes],
        }
        pieces.append(data)
        place += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _HEADER_ALIGNED)
    return _joined([memoryview(len(text).to_bytes(8, "little") + text), *pieces])


def _joined(pieces: Iterable[memoryview]) -> memoryview:
    """One copy: the tensors may be changed as soon as this has returned."""
    whole = bytearray().join(pieces)
    return memoryview(whole)


def _bytes_of(value: Any) -> memoryview:
    """Of a torch, jax or numpy array, in row order and little-endian, which is how every machine that trains has it."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        flat = value.detach().cpu().contiguous().reshape(-1)
        return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")
    import numpy as np

    array = np.ascontiguousarray(value)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return memoryview(array.reshape(-1).view(np.uint8).data) if array.size else memoryview(b"")
