"""The slow path of `run.log`: what its C++ path cannot take, as cells and records that the ring can.

Pure: reads values, writes nothing. A value that cannot be recorded becomes a problem beside the row, never an
exception, and never takes the rest of the row with it. May run user code (`__float__`, `__str__`, `item`), all of it
guarded.
"""

from __future__ import annotations

import enum
import math
import operator
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .._core import KIND_HISTOGRAM, KIND_TEXT
from ..errors import InvalidValue
from .device import (
    Backend,
    Counted,
    backend_of,
    is_host_tensor,
    is_tensor_type,
    on_device,
    warn_of_sync,
)
from .histogram import Histogram
from .plain import as_json, date_or_span, plain

if TYPE_CHECKING:
    from .media import Media

__all__ = ["Limits", "Problem", "Row", "metric_name", "read_row", "read_step", "read_time"]

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DEPTH_MAX = 16
_CELLS_MAX = 100_000  # as many metrics as a process may have
_NAME_BYTES_MAX = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHOWN = 80
# What the table's DateTime64(3) can hold.
_TIME_MS_MIN, _TIME_MS_MAX = -2_208_988_800_000, 10_413_791_999_999


class Limits(NamedTuple):
    text_bytes_max: int
    list_items_max: int


class Problem(NamedTuple):
    """What could not be recorded as it was: `about` (a key, shortened), the type, and why."""

    about: str
    kind: str
    why: str
    lost: bool = True  # False: recorded, but not quite as it was


class Row:
    def __init__(self) -> None:
        self.cells: dict[str, float | int | bool] = {}
        self.records: dict[str, tuple[int, tuple[bytes, ...]]] = {}
        # What lies on a device, to be copied from it, and histograms that a device is counting.
        self.device: dict[str, tuple[Backend, Any]] = {}
        self.counted: dict[str, tuple[bytes, Counted]] = {}
        self.media: dict[str, Media] = {}  # to be kept as files
        self.problems: list[Problem] = []

    def forget(self, name: str) -> None:
        """Makes room for another value of the same name: nested dicts may give one twice."""
        self.cells.pop(name, None)
        self.records.pop(name, None)
        self.device.pop(name, None)
        self.counted.pop(name, None)
        self.media.pop(name, None)

    def problem(self, about: str, value: object, why: str, lost: bool = True) -> None:
        self.problems.append(Problem(about[:_SHOWN], type(value).__name__, why, lost))


def metric_name(name: str) -> bytes | None:
    """The UTF-8 of a metric's name; None for one that the ring would refuse."""
    if not 0 < len(name) <= _NAME_BYTES_MAX or _CONTROL.search(name):
        return None
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return None
    return encoded if len(encoded) <= _NAME_BYTES_MAX else None


def read_row(data: object, limits: Limits) -> Row:
    """Everything in `data` that can be recorded, and what cannot."""
    row = Row()
    try:
        if isinstance(data, Mapping):
            _read_mapping(row, "", data, limits, 0)
        else:
            row.problem("log", data, "log takes a dict of metrics")
    except Exception as error:  # noqa: BLE001 - a mapping of the user's may raise anything
        row.problem("log", data, f"reading it raised {type(error).__name__}")
    return row


def read_step(step: object, row: Row) -> int | None:
    """The step as an int64; None (one more than the last) where it is not one."""
    if step is None:
        return None
    try:
        if isinstance(step, float) or _is_ratio(step):
            whole = int(step)  # type: ignore[call-overload]
            if whole != step:
                row.problem("step", step, f"a step is a whole number, not {step!r}; the row has the next step", False)
                return None
        elif callable(getattr(step, "item", None)):
            if on_device(step):
                warn_of_sync()
            return read_step(step.item(), row)  # type: ignore[attr-defined]
        else:
            whole = operator.index(step)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - NaN, infinity, or an object that raises anything
        row.problem("step", step, "a step is a whole number; the row has the next step", False)
        return None
    if not _INT64_MIN <= whole <= _INT64_MAX:
        row.problem("step", step, "a step has at most 63 bits; the row has the next step", False)
        return None
    return int(whole)


def read_time(time: object, row: Row) -> int | None:
    """Milliseconds since the epoch from seconds or a datetime; None (now) where it is neither."""
    if time is None:
        return None
    try:
        seconds = time.timestamp() if hasattr(time, "timestamp") else float(time)  # type: ignore[arg-type]
        milliseconds = round(seconds * 1000)
    except Exception:  # noqa: BLE001 - as above
        row.problem(
            "time", time, "time is in seconds since 1970 or a datetime; the row has the time of the call", False
        )
        return None
    if not _TIME_MS_MIN <= milliseconds <= _TIME_MS_MAX:
        row.problem("time", time, "time lies outside 1900 to 2299; the row has the time of the call", False)
        return None
    return milliseconds


def _read_mapping(row: Row, prefix: str, data: Mapping[Any, Any], limits: Limits, depth: int) -> None:
    if depth >= _DEPTH_MAX:
        row.problem(prefix, data, f"nested deeper than {_DEPTH_MAX}, or in itself")
        return
    for key, value in data.items():
        if len(row.cells) + len(row.records) + len(row.device) + len(row.media) >= _CELLS_MAX:
            row.problem(prefix or "log", data, f"more than {_CELLS_MAX} values in one call")
            return
        name = key if type(key) is str else _key(row, key)
        if name is None or value is None:
            continue
        if len(name) > _NAME_BYTES_MAX:
            row.problem(name, key, f"a metric's name has at most {_NAME_BYTES_MAX} bytes")
            continue
        full = f"{prefix}/{name}" if prefix else name
        try:
            _read_value(row, full, value, limits, depth)
        except InvalidValue as error:
            row.problem(full, value, str(error))
        except Exception as error:  # noqa: BLE001 - the value's own methods may raise anything
            row.problem(full, value, f"reading it raised {type(error).__name__}")


def _key(row: Row, key: object) -> str | None:
    if isinstance(key, enum.Enum) and isinstance(key.value, str):
        return key.value
    if isinstance(key, str):
        return str.__str__(key)
    try:
        name = str(key)
    except Exception as error:  # noqa: BLE001 - as above
        row.problem("a key", key, f"its name raised {type(error).__name__}")
        return None
    row.problem(name, key, f"a metric's name is a string; recorded as {name[:_SHOWN]!r}", lost=False)
    return name


def _read_value(row: Row, name: str, value: Any, limits: Limits, depth: int) -> None:
    kind = type(value)
    tensor = is_tensor_type(kind)
    if not tensor and kind is not float and isinstance(value, Mapping):
        _read_mapping(row, name, value, limits, depth + 1)
        return
    encoded = metric_name(name)
    if encoded is None:
        row.problem(name, value, f"a metric's name is 1 to {_NAME_BYTES_MAX} bytes of UTF-8 without control characters")
    elif kind is float or kind is bool:
        _put_number(row, name, value)
    elif tensor:
        _read_tensor(row, name, encoded, value, limits, depth)
    elif isinstance(value, enum.Enum):
        _read_value(row, name, value.value, limits, depth + 1)
    elif isinstance(value, str):
        _put_text(row, name, encoded, str.__str__(value), limits)
    elif isinstance(value, int):
        _put_int(row, name, encoded, int.__int__(value), limits)
    elif isinstance(value, float):
        _put_number(row, name, float.__float__(value))
    elif isinstance(value, Histogram):
        _put_histogram(row, name, encoded, value)
    elif (media := _media_of(value)) is not None:
        row.forget(name)
        row.media[name] = media
    elif isinstance(value, (list, tuple, set, frozenset)):
        _put_list(row, name, encoded, value, limits)
    elif (count := _elements(value)) is not None:
        _read_array(row, name, encoded, value, count, limits, depth)
    else:
        _read_other(row, name, encoded, value, limits)


def _media_of(value: object) -> Media | None:
    """Of what is no picture and no table None, and without their modules as long as nobody has made one."""
    if not (sys.modules.get(f"{__package__}.image") or sys.modules.get(f"{__package__}.table")):
        return None
    from .media import media_of

    return media_of(value)


def _read_other(row: Row, name: str, encoded: bytes, value: Any, limits: Limits) -> None:
    if _is_ratio(value):
        _put_ratio(row, name, encoded, value, limits)
    elif (when := date_or_span(value)) is not None:
        if isinstance(when, str):
            _put_text(row, name, encoded, when, limits)
        else:
            _put_number(row, name, when)
    elif isinstance(value, os.PathLike) or type(value).__module__ == "uuid":
        _put_text(row, name, encoded, str(value), limits)
    elif isinstance(value, (bytes, bytearray)):
        _put_text(row, name, encoded, bytes(value).decode("utf-8", "backslashreplace"), limits)
    elif isinstance(value, complex):
        raise InvalidValue("a complex number; log its real and imag, or abs()")
    elif hasattr(type(value), "__index__"):
        _put_int(row, name, encoded, operator.index(value), limits)
    elif hasattr(type(value), "__float__"):
        _put_number(row, name, float(value))
    else:
        raise InvalidValue("neither a number nor a text")


def _read_tensor(row: Row, name: str, encoded: bytes, value: Any, limits: Limits, depth: int) -> None:
    """The common case of `_read_array` without its questions."""
    if value.numel() == 1 and is_host_tensor(value):
        item = value.item()
        if type(item) is float or type(item) is bool:
            _put_number(row, name, item)
        else:
            _read_value(row, name, item, limits, depth + 1)
    else:
        _read_array(row, name, encoded, value, int(value.numel()), limits, depth)


def _put_number(row: Row, name: str, value: float | bool) -> None:
    if row.records or row.device or row.counted or row.media:
        row.forget(name)
    row.cells[name] = value


def _put_histogram(row: Row, name: str, encoded: bytes, value: Histogram) -> None:
    row.forget(name)
    counted = value.counted
    if counted is None or counted.taken:
        row.records[name] = (KIND_HISTOGRAM, (encoded, value.data))
    else:
        row.counted[name] = (encoded, counted)


def _put_int(row: Row, name: str, encoded: bytes, value: int, limits: Limits) -> None:
    if _INT64_MIN <= value <= _INT64_MAX:
        _put_number(row, name, value)
        return
    try:
        nearest = float(value)
    except OverflowError:
        _put_text(row, name, encoded, hex(value), limits)
        row.problem(name, value, "an int beyond the largest double is recorded as text", lost=False)
        return
    _put_number(row, name, nearest)
    row.problem(name, value, "an int beyond 64 bits is recorded as the nearest double", lost=False)


def _is_ratio(value: object) -> bool:
    """A Decimal or Fraction; told by name, so as not to import what the user has not."""
    kind = type(value)
    return kind.__module__ in ("decimal", "fractions") and kind.__name__ in ("Decimal", "Fraction")


def _put_ratio(row: Row, name: str, encoded: bytes, value: Any, limits: Limits) -> None:
    decimal = type(value).__module__ == "decimal"
    if decimal and value.is_nan():
        _put_number(row, name, math.nan)  # a signalling NaN does not convert
        return
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number) and not (decimal and value.is_infinite()):
        _put_text(row, name, encoded, str(value), limits)
        row.problem(name, value, "a number beyond the largest double is recorded as text", lost=False)
        return
    _put_number(row, name, number)


def _put_text(row: Row, name: str, encoded: bytes, text: str, limits: Limits) -> None:
    data = text[: limits.text_bytes_max].encode("utf-8", "backslashreplace")
    if len(text) > limits.text_bytes_max or len(data) > limits.text_bytes_max:
        data = data[: limits.text_bytes_max].decode("utf-8", "ignore").encode()
        row.problem(name, text, f"a text is cut at {limits.text_bytes_max} bytes", lost=False)
    row.forget(name)
    row.records[name] = (KIND_TEXT, (encoded, data))


def _put_list(row: Row, name: str, encoded: bytes, value: Any, limits: Limits) -> None:
    try:
        text = as_json(plain(value, limits.list_items_max + 1))
    except InvalidValue as error:
        raise InvalidValue(
            f"a list is kept as text if it is plain and has at most {limits.list_items_max} items ({error}); of many "
            "numbers log a stepwell.Histogram"
        ) from error
    _put_text(row, name, encoded, text, limits)


def _elements(value: Any) -> int | None:
    """How many elements a numpy, torch, jax or pandas value has; None for what is no array."""
    if not hasattr(value, "shape") or not callable(getattr(value, "item", None)):
        return None
    count = value.numel() if callable(getattr(value, "numel", None)) else value.size
    return int(count)


def _read_array(row: Row, name: str, encoded: bytes, value: Any, count: int, limits: Limits, depth: int) -> None:
    if count == 1 and (known := backend_of(value)) is not None:
        row.forget(name)
        row.device[name] = known
        return
    if on_device(value):
        warn_of_sync()
    if count == 1:
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        item = str(value) if kind in ("M", "m") else value.item()  # nanoseconds would come out as a bare int
        if _elements(item) is not None:
            item = float(item)  # numpy.longdouble gives itself
        _read_value(row, name, item, limits, depth + 1)
    elif count <= limits.list_items_max and callable(getattr(value, "tolist", None)):
        _put_list(row, name, encoded, value.tolist(), limits)
    else:
        raise InvalidValue(f"{count} values; log their distribution with stepwell.Histogram(...)")
