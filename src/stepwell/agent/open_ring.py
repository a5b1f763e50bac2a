"""One ring that this agent reads: whose it is, where its records go, and how far its end has come."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .. import _core
from ..spool import Destination
from .mailbox import RingName

__all__ = ["OpenRing"]


@dataclass
class OpenRing:
    name: RingName
    ring: _core.Ring
    destination: Destination
    project: str
    id: str
    created_ms: int
    main: bool
    """Its process's end is the run's end on this rank; not so for forked children and the capture of the machine."""
    system_interval_s: float | None
    """Between two samples of this machine, as the run was told; None: it was begun by a version that says nothing."""
    builder: _core.BlockBuilder
    pending_since: float | None = None
    seen_bytes: int = 0
    seen_at: float = 0.0
    beaten_at: float = -1e9
    looked_at: float = -1e9
    retired_at: float | None = None
    unlinked: bool = False
    crash_written: bool = False

    @classmethod
    def of(cls, name: RingName, ring: _core.Ring) -> OpenRing:
        """Raises ValueError, KeyError, TypeError, AttributeError and the like for an identity that is none."""
        identity = json.loads(ring.identity)
        project, run_id = str(identity["project"]), str(identity["id"])
        created_ms = int(identity.get("started_ms", ring.created_ms))
        return cls(
            name=name,
            ring=ring,
            destination=Destination(
                str(identity.get("server") or ""), "offline" if identity.get("mode") == "offline" else "online"
            ),
            project=project,
            id=run_id,
            created_ms=created_ms,
            main=ring.role == "main" and identity.get("role", "main") == "main",
            system_interval_s=_interval(identity.get("system_interval_s")),
            builder=_builder(ring, project, run_id, ring.writer, created_ms),
        )

    @property
    def who(self) -> str:
        return f"{self.project}/{self.id} rank {self.ring.rank}"

    @property
    def limit(self) -> int:
        """A block takes at most so much of the ring, so that its process has room while the block is written."""
        return self.ring.ring_bytes // 4

    def builder_of(self, writer: int) -> _core.BlockBuilder:
        """A builder for records of this run under another writer."""
        return _builder(self.ring, self.project, self.id, writer, self.ring.created_ms)

    def start_again(self) -> None:
        """As if nothing had been collected since the last commit."""
        self.ring.rollback()
        self.builder = _builder(self.ring, self.project, self.id, self.ring.writer, self.created_ms)


def _interval(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None


def _builder(ring: _core.Ring, project: str, id: str, writer: int, created_ms: int) -> _core.BlockBuilder:
    return _core.BlockBuilder(
        project=project, id=id, run=ring.run, rank=ring.rank, attempt=ring.attempt, writer=writer,
        created_ms=created_ms,
    )  # fmt: skip
