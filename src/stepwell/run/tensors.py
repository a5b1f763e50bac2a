"""A mapping of tensors as a file: safetensors where all values are tensors, else what torch.save writes.

The safetensors layout (https://github.com/huggingface/safetensors): the header's length in 8 bytes, a JSON header that
names type, shape and place of each tensor, then the bytes. Written here, so that recording needs no package for it.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import InvalidValue
from .sources import BytesSource

__all__ = ["state_source", "tensor_source"]

_HEADER_ALIGNED = 8
_DEPTH_MAX = 16
_RESERVED = "__metadata__"  # what the layout keeps for itself
# By the name that numpy and torch have for a type.
_TYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
    "float8_e8m0fnu": "F8_E8M0",
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


def tensor_source(given: Any, name: str) -> BytesSource:
    """`tensor.safetensors` of one tensor, `tensors.safetensors` of a dict of them, nested dicts by "/".

    Raises InvalidValue, with the key of what is no tensor.
    """
    if not isinstance(given, Mapping):
        return BytesSource("tensor.safetensors", _safetensors({"tensor": _as_tensor(given, name)}))
    tensors: dict[str, Any] = {}
    for key, value in _leaves(given, "", name, 0):
        if key in tensors or key == _RESERVED:
            why = "twice" if key in tensors else "which the format keeps for itself"
            raise InvalidValue(f"tensor {name!r} was not kept: it holds the key {key!r}, {why}")
        tensors[key] = _as_tensor(value, f"{name}[{key!r}]")
    if not tensors:
        raise InvalidValue(f"tensor {name!r} was not kept: the dict is empty")
    return BytesSource("tensors.safetensors", _safetensors(tensors))


def _leaves(tree: Mapping[Any, Any], prefix: str, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth >= _DEPTH_MAX:
        raise InvalidValue(f"tensor {name!r} was not kept: nested deeper than {_DEPTH_MAX}, or in itself")
    for key, value in tree.items():
        full = f"{prefix}/{key}" if prefix else str(key)
        try:
            full.encode()
        except UnicodeEncodeError:
            raise InvalidValue(f"tensor {name!r} was not kept: the key {full!r} is not valid Unicode") from None
        if isinstance(value, Mapping):
            yield from _leaves(value, full, name, depth + 1)
        else:
            yield full, value


def _as_tensor(value: Any, name: str) -> Any:
    """What has a type and a shape that the format knows. Raises InvalidValue."""
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        import numpy as np

        try:
            if hasattr(value, "__array__"):
                value = np.asarray(value)
            elif hasattr(value, "__dlpack__"):
                value = np.from_dlpack(value)
        except Exception as error:
            raise InvalidValue(f"tensor {name} was not kept: reading it raised {error!r}") from error
    if _type_of(value) in _TYPES:
        return value
    kind = type(value).__name__
    if not hasattr(value, "dtype"):
        raise InvalidValue(f"tensor {name} was not kept: a {kind} is no tensor; numpy.asarray(...) makes one")
    sparse = "sparse " if getattr(value, "is_sparse", False) else ""
    raise InvalidValue(
        f"tensor {name} was not kept: safetensors has no type for a {sparse}{kind} of {value.dtype}; convert it first"
    )


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
