"""What a person calls a run: its name, tags and notes, which may change while it runs.

Each change is one field record, as at the start; the last one wins, whichever rank made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .._core import KIND_FIELD
from ..errors import InvalidValue
from .fields import Record, field_record

__all__ = ["Labels", "tag_list", "text_of"]


class Labels:
    """record: None for a run that records nothing. refuse: told of what cannot be taken; it may raise."""

    def __init__(self, name: str, record: Record | None, refuse: Callable[[str], None]) -> None:
        self.name = name
        self.tags: tuple[str, ...] = ()
        self.notes: str | None = None
        self._record = record
        self._refuse = refuse

    def set_name(self, value: object) -> None:
        name = self._checked("name", value)
        if name:
            self.name = name
            self._write("name", name)

    def set_notes(self, value: object) -> None:
        notes = self._checked("notes", value or "")
        if notes is not None:
            self.notes = notes or None
            self._write("notes", notes)

    def set_tags(self, value: Iterable[str]) -> None:
        try:
            tags = tag_list(value)
        except InvalidValue as error:
            self._refuse(str(error))
            return
        self.tags = tuple(tags)
        self._write("tags", tags)

    def begin(self, fields: dict[str, object]) -> None:
        """Those of the start, which are recorded there."""
        tags, notes = fields.get("tags"), fields.get("notes")
        self.tags = tuple(tags) if isinstance(tags, list) else ()
        self.notes = notes if isinstance(notes, str) else None

    def _checked(self, key: str, value: object) -> str | None:
        try:
            return text_of(key, value)
        except InvalidValue as error:
            self._refuse(str(error))
            return None

    def _write(self, key: str, value: str | list[str]) -> None:
        if self._record is not None:
            parts = field_record(key, value, "user")
            self._record(KIND_FIELD, parts if value != "" else (parts[0], b"", parts[2], b""))  # none: a deletion


def text_of(key: str, value: object) -> str:
    """Raises InvalidValue for what is no text, and for a name that is empty."""
    if not isinstance(value, str):
        raise InvalidValue(f"{key} is a text, not a {type(value).__name__}")
    if key == "name" and not value:
        raise InvalidValue("name is a text of at least one character")
    return value


def tag_list(tags: Iterable[str]) -> list[str]:
    """One text is one tag. Raises InvalidValue for what is no text."""
    try:
        listed = [tags] if isinstance(tags, str) else list(tags)
    except TypeError:
        raise InvalidValue(f"tags are a list of texts, not a {type(tags).__name__}") from None
    if not all(isinstance(tag, str) for tag in listed):
        raise InvalidValue(f"tags are texts, not {listed!r}")
    return listed
