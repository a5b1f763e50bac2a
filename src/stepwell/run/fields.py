"""Keyed values of a run (config, summary, name, tags) as field records: one record a leaf, the last write wins.

Owns the keys: a prefix, then a JSON Pointer (RFC 6901) to the leaf. A dict without items is a leaf, and so is a list. A
leaf that is gone is written as a deletion.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .._core import KIND_FIELD
from .notices import warn
from .plain import as_json
from .redaction import REDACTED, is_secret_name, redact_value

__all__ = ["FieldWriter", "Path", "Record", "field_record", "leaves", "pointer"]

Path = tuple[str, ...]
Record = Callable[[int, tuple[bytes, ...]], object]
_KEY_BYTES_MAX = 2048
_DELETED = ""


def pointer(path: Path) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def leaves(path: Path, value: Any, secret: bool = False) -> Iterator[tuple[str, Any]]:
    """(pointer, value) of each leaf below a plain value, secrets hidden."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves((*path, key), item, secret or is_secret_name(key))
    elif secret and isinstance(value, (str, list)) and value:
        yield pointer(path), REDACTED
    else:
        yield pointer(path), redact_value(value) if isinstance(value, str) else value


def field_record(key: str, value: Any, source: str) -> tuple[bytes, bytes, bytes, bytes]:
    """The parts of a field: key, JSON, source, the value as a number where it is one."""
    number = b""
    if isinstance(value, (bool, int, float)):
        try:
            number = struct.pack("<d", float(value))
        except OverflowError:
            number = b""  # an int beyond doubles has its JSON only
    return key.encode("utf-8", "backslashreplace"), as_json(value).encode(), source.encode(), number


class FieldWriter:
    """Writes one tree of values under a prefix, leaf by leaf, and only what has changed."""

    def __init__(self, prefix: str, record: Record | None, field_bytes_max: int, source: str = "user") -> None:
        self._prefix = prefix
        self._record = record
        self._field_bytes_max = field_bytes_max
        self._source = source
        self._written: dict[str, bytes] = {}

    def replace(self, path: Path, value: Any) -> None:
        """The tree at `path` is now `value`."""
        here = pointer(path)
        fresh = dict(leaves(path, value)) if path or value else {}
        below = here + "/"
        for gone in [key for key in self._written if (key == here or key.startswith(below)) and key not in fresh]:
            self._delete(gone)
        for depth in range(1, len(path)):  # what was {} is so no longer
            self._delete(pointer(path[:depth]))
        for key, leaf in fresh.items():
            self._put(key, leaf)

    def remove(self, path: Path, parent_is_empty: bool) -> None:
        """There is nothing at `path` any more."""
        here = pointer(path)
        for gone in [key for key in self._written if key == here or key.startswith(here + "/")]:
            self._delete(gone)
        if parent_is_empty and len(path) > 1:
            self._put(pointer(path[:-1]), {})

    def _put(self, key: str, value: Any) -> None:
        parts = field_record(self._prefix + key, value, self._source)
        if self._written.get(key) == parts[1]:
            return
        if len(parts[0]) > _KEY_BYTES_MAX or len(parts[1]) > self._field_bytes_max:
            warn(
                f"{self._prefix}{key[:100]} is not recorded: a key has at most {_KEY_BYTES_MAX} bytes and a value "
                f"{self._field_bytes_max}, and these have {len(parts[0])} and {len(parts[1])}"
            )
            return
        self._written[key] = parts[1]
        if self._record is not None:
            self._record(KIND_FIELD, parts)

    def _delete(self, key: str) -> None:
        if self._written.pop(key, None) is not None and self._record is not None:
            name = (self._prefix + key).encode("utf-8", "backslashreplace")
            self._record(KIND_FIELD, (name, _DELETED.encode(), self._source.encode(), b""))
