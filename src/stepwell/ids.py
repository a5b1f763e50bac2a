"""Who a run is: its key in every table, the version of a record, ids and names made up for new runs."""

from __future__ import annotations

import os
import time
import uuid

from .errors import InvalidValue

__all__ = ["ATTEMPT_EPOCH_S", "attempt_now", "check_id", "check_project", "new_id", "run_uuid", "split_run", "version_of"]

_NAMESPACE = uuid.UUID("6f0cf0ad-4b5c-5d0e-9a86-6d1d6c5f7a11")
ATTEMPT_EPOCH_S = 1_704_067_200  # 2024-01-01T00:00:00Z
ROW_SEQ_BITS = 34
ID_BYTES_MAX = 128
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts as it counts, no i, l, o, u


def run_uuid(project: str, id: str) -> uuid.UUID:
    """The key of a run, the same from every writer that knows its project and id (UUIDv5, RFC 9562)."""
    return uuid.uuid5(_NAMESPACE, f"{project}\0{id}")


def attempt_now() -> int:
    """The number of an attempt that starts now: seconds since 2024."""
    return max(1, int(time.time()) - ATTEMPT_EPOCH_S)


def version_of(attempt: int, row_seq: int) -> int:
    """Of two rows with one key the one of the higher version wins: later attempt first, then later record."""
    return attempt << ROW_SEQ_BITS | row_seq


def new_id() -> str:
    """A short id that sorts by the time it was made: 6 characters of seconds since 2024, 4 random ones."""
    number, text = attempt_now(), ""
    for _ in range(6):
        number, digit = divmod(number, 32)
        text = _ALPHABET[digit] + text
    return text + "".join(_ALPHABET[byte & 31] for byte in os.urandom(4))


def check_id(id: str) -> str:
    """Returns the id, or raises InvalidValue: 1 to 128 bytes of UTF-8, no `/`, no control characters."""
    return _check(id, "run id")


def check_project(project: str) -> str:
    """Returns the project's name, or raises InvalidValue; the rules of an id."""
    return _check(project, "project name")


def split_run(path: str) -> tuple[str | None, str]:
    """("project", "id") of "project/id"; (None, "id") of a bare id."""
    project, slash, id = path.rpartition("/")
    if slash:
        return check_project(project), check_id(id)
    return None, check_id(path)


def _check(text: str, what: str) -> str:
    if not isinstance(text, str):
        raise InvalidValue(f"a {what} is a string, not {type(text).__name__}")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidValue(f"{what} {text!r} is not valid Unicode") from None
    if not 1 <= size <= ID_BYTES_MAX:
        raise InvalidValue(f"a {what} has 1 to {ID_BYTES_MAX} bytes of UTF-8, not {size}")
    if "/" in text or text in (".", "..") or any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise InvalidValue(f"{what} {text!r} must not be '.' or '..' or contain '/' or control characters")
    if text != text.strip():
        raise InvalidValue(f"{what} {text!r} must not begin or end with white space")
    return text
