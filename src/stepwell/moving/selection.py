"""Which runs move: all of them, those of one project, or one."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NotFound
from ..ids import split_run
from .manifest import RunName

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """Attributes:
    project: Only runs of this project; "" for all.
    run: Only this run, "project/id" or an id that is unique; "" for all.
    """

    project: str = ""
    run: str = ""

    @property
    def everything(self) -> bool:
        return not self.project and not self.run

    def of(self, known: dict[str, RunName], where: str) -> dict[str, RunName]:
        """Those of the known runs, by key. Raises NotFound where nothing matches, InvalidValue for what is no name."""
        if self.everything:
            return known
        project, id = split_run(self.run) if self.run else (None, "")
        chosen = {
            key: name
            for key, name in known.items()
            if self.project in ("", name.project) and (not id or (name.id == id and project in (None, name.project)))
        }
        wanted = " of ".join(filter(None, (f"run {self.run!r}" if self.run else "a run", self.project)))
        if not chosen:
            raise NotFound(f"{where} has no {wanted.removeprefix('a ')}; `stepwell runs` lists what a store has")
        if id and len(chosen) > 1:
            names = ", ".join(sorted(f"{name.project}/{name.id}" for name in chosen.values()))
            raise NotFound(f"the id {id!r} is that of several runs: {names}. Name one of them in full.")
        return chosen
