"""Images and tables of a log call, on their way into staging: one artifact a cell, with what is said of each file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValue
from ..settings import Settings
from .image import Image
from .sources import BytesSource
from .table import Table

if TYPE_CHECKING:
    from .staging import Stager

__all__ = ["Media", "keep", "media_of"]

_LOOKED_AT = 1000  # a longer list is recorded as nothing else either

Media = Sequence[Image] | Table
"""The value of one cell."""


def media_of(value: object) -> Media | None:
    """Of a value that `run.log` was given; None of one that is neither. Raises InvalidValue."""
    if isinstance(value, Table):
        return value
    if isinstance(value, Image):
        return (value,)
    if isinstance(value, (list, tuple)) and any(isinstance(one, Image) for one in value[:_LOOKED_AT]):
        if not all(isinstance(one, Image) for one in value):
            raise InvalidValue("a list of images holds nothing else")
        return tuple(value)
    return None


def keep(stager: Stager, name: str, media: Media, step: int, settings: Settings) -> str:
    """Returns when it is in staging, with what is to be said about it. Raises StagingError, InvalidValue."""
    if isinstance(media, Table):
        data = media.encoded(settings.table_rows_max)
        said: dict[str, Any] = {"columns": media.columns, "rows": media.rows}
        stager.stage("table", name, [BytesSource("table.parquet", data)], step=step, metadata=said)
        return ""
    if len(media) > settings.images_max:
        raise InvalidValue(f"{len(media)} images at once; at most {settings.images_max} (setting images_max)")
    sources, said_of = [], []
    for index, image in enumerate(media):
        picture = image.encoded(settings.image_bytes_max)
        sources.append(BytesSource(f"{index}.{picture.format}", picture.data))
        said_of.append({"width": picture.width, "height": picture.height, "caption": image.caption})
    stager.stage("image", name, sources, step=step, metadata={"images": said_of})
    return next((image.note for image in media if image.note), "")
