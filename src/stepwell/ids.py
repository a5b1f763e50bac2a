"""Who a run is: its key in every table, the version of a record, ids and names made up for new runs."""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING

from .errors import InvalidValue

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "ALIASES_MAX",
    "ARTIFACT_FILES_MAX",
    "ATTEMPT_EPOCH_S",
    "ROW_SEQ_BITS",
    "attempt_now",
    "check_alias",
    "check_artifact_name",
    "check_file_path",
    "check_id",
    "check_project",
    "check_type",
    "new_id",
    "run_bytes",
    "run_uuid",
    "split_artifact",
    "split_run",
    "version_number",
    "version_of",
]

_NAMESPACE = bytes.fromhex("6f0cf0ad4b5c5d0e9a866d1d6c5f7a11")
ATTEMPT_EPOCH_S = 1_704_067_200  # 2024-01-01T00:00:00Z
ROW_SEQ_BITS = 34
ID_BYTES_MAX = 128
ARTIFACT_NAME_BYTES_MAX = 512
TYPE_BYTES_MAX = 64
ALIAS_BYTES_MAX = 128
ALIASES_MAX = 20
ARTIFACT_FILES_MAX = 100_000
FILE_PATH_BYTES_MAX = 4096
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,9})")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts as it counts, no i, l, o, u


def run_bytes(project: str, id: str) -> bytes:
    """The key of a run, the same from every writer that knows its project and id: a UUIDv5 (RFC 9562), 16 bytes."""
    name = hashlib.sha1(_NAMESPACE + f"{project}\0{id}".encode(), usedforsecurity=False)
    key = bytearray(name.digest()[:16])
    key[6] = key[6] & 0x0F | 0x50  # version 5
    key[8] = key[8] & 0x3F | 0x80  # the RFC's variant
    return bytes(key)


def run_uuid(project: str, id: str) -> UUID:
    """The same as a UUID."""
    from uuid import UUID  # brings in `platform`, which a training process has no need of

    return UUID(bytes=run_bytes(project, id))


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


def check_artifact_name(name: str) -> str:
    """Returns the name, or raises InvalidValue: 1 to 512 bytes of UTF-8 without control characters."""
    return _plain_text(name, "an artifact's name", ARTIFACT_NAME_BYTES_MAX)


def check_file_path(path: str) -> str:
    """Of a file in an artifact: somebody will download it into a folder, and no name may lead out of that.

    Returns it, or raises InvalidValue: 1 to 4096 bytes, relative, with `/`, without `..`, `\\` or control characters.
    """
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise InvalidValue(f"file name {path[:200]!r} is not valid Unicode") from None
    if (
        not 1 <= size <= FILE_PATH_BYTES_MAX
        or any(part in ("", ".", "..") for part in path.split("/"))
        or any(ord(letter) < 32 or letter in "\\\x7f" for letter in path)
    ):
        raise InvalidValue(f"file name {path[:200]!r} is not a plain relative path")
    return path


def check_type(type: str) -> str:
    """Of an artifact: 1 to 64 bytes without control characters."""
    return _plain_text(type, "an artifact's type", TYPE_BYTES_MAX)


def check_alias(alias: str) -> str:
    """Returns it, or raises InvalidValue: 1 to 128 bytes without `:`, `/`, control characters; not v0, v1, ..."""
    _plain_text(alias, "an alias", ALIAS_BYTES_MAX)
    if ":" in alias or "/" in alias or alias != alias.strip():
        raise InvalidValue(f"alias {alias!r} must not hold ':' or '/', nor begin or end with white space")
    if version_number(alias) is not None:
        raise InvalidValue(f"{alias!r} is the name of a version, and cannot be an alias")
    return alias


def version_number(text: str) -> int | None:
    """3 of "v3"; None of what is no version."""
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else None


def split_artifact(path: str) -> tuple[str | None, str, str]:
    """("project", "name", "v3") of "project/name:v3"; the last is "latest" where no `:` is in it.

    Of a bare name the project is None. Raises InvalidValue.
    """
    if not isinstance(path, str):
        raise InvalidValue(f'an artifact is named "project/name:v3", not by a {type(path).__name__}')
    project, slash, rest = path.partition("/")
    if not slash:
        rest = path
    name, colon, version = rest.rpartition(":")
    if not colon or "/" in version:
        name, version = rest, "latest"
    return (check_project(project) if slash else None), check_artifact_name(name), version or "latest"


def _plain_text(text: str, what: str, limit: int) -> str:
    if not isinstance(text, str):
        raise InvalidValue(f"{what} is a text, not a {type(text).__name__}")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidValue(f"{what} is not valid Unicode: {text!r}") from None
    if not 1 <= size <= limit or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise InvalidValue(f"{what} has 1 to {limit} bytes without control characters, not {text[:100]!r}")
    return text


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
