"""Any value of a config, summary or short list as what JSON can hold.

Pure: imports nothing of the user's, only recognises what the user has already imported. May run the user's own code
(`__str__`, `to_dict`), and turns whatever that raises into InvalidValue.
"""

from __future__ import annotations

import enum
import json
import os
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ..errors import InvalidValue

__all__ = ["as_json", "as_mapping", "plain"]

_DEPTH_MAX = 32
_ITEMS_MAX = 1_000_000
_TEXT_MAX = 10_000
_INT_BITS_MAX = 10_000  # Python itself refuses to write ints much longer than this as text


def as_json(value: Any) -> str:
    """The JSON of a plain value; NaN and infinities as Python writes them. Unpaired surrogates stay escapes."""
    return json.dumps(value, separators=(",", ":"))


def plain(value: object, items_max: int = _ITEMS_MAX) -> Any:
    """None, bool, int, float, str, and lists and str-keyed dicts of them. Raises InvalidValue."""
    try:
        return _plain(value, 0, [items_max])
    except InvalidValue:
        raise
    except Exception as error:
        raise InvalidValue(f"a {type(value).__name__} that cannot be read: {type(error).__name__}") from error


def as_mapping(value: object) -> Mapping[Any, Any] | None:
    """The fields of what people keep configs in: mappings, Namespace, dataclasses, OmegaConf, pydantic, `to_dict`."""
    if isinstance(value, dict):
        return value
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and omegaconf.OmegaConf.is_dict(value):
        return _from_omegaconf(omegaconf, value)  # type: ignore[no-any-return]
    if isinstance(value, Mapping):
        return value
    argparse = sys.modules.get("argparse")
    if isinstance(value, SimpleNamespace) or (argparse is not None and isinstance(value, argparse.Namespace)):
        return vars(value)
    if isinstance(value, type):
        return None
    dataclasses = sys.modules.get("dataclasses")
    if dataclasses is not None and dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for method in ("model_dump", "to_dict"):  # pydantic; transformers and many others
        function = getattr(value, method, None)
        if callable(function) and not _is_array(value):
            found = function()
            return found if isinstance(found, Mapping) else None
    return None


def _from_omegaconf(omegaconf: Any, value: object) -> Any:
    """Interpolations resolved; as they are written where they cannot be."""
    try:
        return omegaconf.OmegaConf.to_container(value, resolve=True, enum_to_str=True)
    except omegaconf.errors.OmegaConfBaseException:
        return omegaconf.OmegaConf.to_container(value, resolve=False, enum_to_str=True)


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise InvalidValue("too many items")
    if value is None or type(value) in (bool, float):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value, depth + 1, left)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        if int.bit_length(value) > _INT_BITS_MAX:
            raise InvalidValue(f"an int of {int.bit_length(value)} bits")
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if depth >= _DEPTH_MAX:
        raise InvalidValue(f"nested deeper than {_DEPTH_MAX}, or in itself")
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_plain(item, depth + 1, left) for item in value]
        return sorted(items, key=as_json) if isinstance(value, (set, frozenset)) else items
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and omegaconf.OmegaConf.is_list(value):
        return _plain(_from_omegaconf(omegaconf, value), depth + 1, left)
    mapping = as_mapping(value)
    if mapping is not None:
        return {_key(key): _plain(item, depth + 1, left) for key, item in mapping.items()}
    if _is_array(value):
        return _plain(value.tolist(), depth + 1, left)
    return _scalar(value)


def _key(key: object) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    return str.__str__(key) if isinstance(key, str) else str(key)


def _is_array(value: object) -> bool:
    """numpy scalars and arrays, torch and jax: they know how to become lists."""
    return hasattr(value, "shape") and callable(getattr(value, "tolist", None))


def date_or_span(value: object) -> str | float | None:
    """A date or a time of day by ISO 8601, a timedelta in seconds; None of anything else."""
    datetime = sys.modules.get("datetime")  # not imported for its own sake: without it there is no such value
    if datetime is not None and isinstance(value, (datetime.date, datetime.time)):
        return str(value.isoformat())
    if datetime is not None and isinstance(value, datetime.timedelta):
        return float(value.total_seconds())
    return None


def _scalar(value: Any) -> Any:
    if type(value).__module__ in ("decimal", "fractions"):
        return float(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if (when := date_or_span(value)) is not None:
        return when
    named = getattr(value, "__qualname__", None)
    if isinstance(named, str):  # a class or a function
        return f"{getattr(value, '__module__', '')}.{named}"
    return str(value)[:_TEXT_MAX]
