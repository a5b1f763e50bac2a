"""Who a run is, as everybody but a training process says it: that one has no use for `dataclasses`, slow to import."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from .ids import run_uuid

__all__ = ["RunKey"]


@dataclass(frozen=True, order=True)
class RunKey:
    """Who a run is; `str` gives "project/id"."""

    project: str
    id: str

    def __str__(self) -> str:
        return f"{self.project}/{self.id}"

    @property
    def uuid(self) -> UUID:
        return run_uuid(self.project, self.id)
