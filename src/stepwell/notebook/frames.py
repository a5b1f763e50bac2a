"""One picture of a live view: the runs' state and their curves as they stand now, as HTML that stands alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cards import page_of
from .curves import charts
from .figure import as_svg, figure
from .html import Cell, framed, link, state, text
from .options import Options

if TYPE_CHECKING:
    from ..query.reader import Reader
    from ..query.records import RunInfo

__all__ = ["Asked", "Frame", "paint", "prepared", "waiting"]

_GOING_ON = ("running", "unknown")
_HEADS = 4


@dataclass(frozen=True)
class Asked:
    """source: what Api takes to read from. runs: "project/id".

    serve: the embedded store of `source` is to be read through a service, which is started where none runs.
    """

    source: dict[str, str]
    runs: tuple[str, ...]
    options: Options
    interval_s: float
    serve: bool = False


@dataclass(frozen=True)
class Frame:
    """ended: none of the runs goes on."""

    html: Cell
    ended: bool


def paint(source: dict[str, str], asked: Asked) -> Frame:
    """Opens what is to be read for this one picture, and closes it before drawing. Raises StepwellError."""
    from ..query import Api

    with Api(**source) as api:
        draw = prepared(api.reader, asked)
    return draw()


def prepared(reader: Reader, asked: Asked) -> Callable[[], Frame]:
    """Everything that has to be read; what is returned draws it."""
    from ..query.records import RunKey

    infos = [reader.run(RunKey(*run.split("/", 1))) for run in asked.runs]
    drawing = charts(reader, infos, asked.options, waiting=True)

    def draw() -> Frame:
        heads = "".join(_head(reader, info) for info in infos[:_HEADS])
        more = f'<div class="m">and {len(infos) - _HEADS} more runs</div>' if len(infos) > _HEADS else ""
        picture = f'<div class="fig">{as_svg(figure(drawing))}</div>'
        return Frame(framed(heads, more, picture), all(info.state not in _GOING_ON for info in infos))

    return draw


def waiting(why: str) -> Cell:
    """In the place of a picture."""
    return framed(f'<div class="m">live view: {text(why, 400)}</div>')


def _head(reader: Reader, info: RunInfo) -> Cell:
    page = page_of(reader, info.key.project, info.key.id)
    opens = f' <span class="m">{link(page, "open its page")}</span>' if page else ""
    return f"<div>{state(info.state)} &nbsp;<b>{text(str(info.key), 100)}</b> {text(info.name, 60)}{opens}</div>"
