"""Blocks into the metric store: checked one by one, gathered into one Native block a table, inserted.

Called by the service's batcher (in worker threads) and by the embedded Api. An outcome without a reason
means: every row of that block is durable.
"""

from __future__ import annotations

import enum
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from .._core import BlockError, BlockTooNew, NativeBatch, block_header
from ..blocks import unseal
from ..errors import InvalidValue, StoreError, StoreUnavailable
from ..ids import ROW_SEQ_BITS, check_id, check_project, run_uuid
from ..killpoints import killpoint
from ..settings import Settings
from .artifacts import COMPLETE_BIT, ArtifactCommit, commit
from .blobs import BlobStore
from .metrics import MetricStore
from .retention.purged import PurgedRuns
from .stages import Stages

__all__ = ["Ingest", "Outcome", "Reason", "check_block"]

log = logging.getLogger("stepwell.stores")


class Reason(enum.IntEnum):
    """Why a block was not taken: the numbers of the wire's Nack.Reason."""

    DAMAGED = 1
    TOO_NEW = 2
    TOO_LARGE = 3
    FORBIDDEN = 4
    REJECTED = 5
    RETRY = 6


@dataclass(frozen=True)
class Outcome:
    """Of one block. `run`, `attempt` and `rows` are known once it could be decoded.

    discarded: the run was purged; its sender may forget the block.
    """

    reason: Reason | None = None
    message: str = ""
    run: bytes = b""
    attempt: int = 0
    rows: int = 0
    discarded: bool = False

    @property
    def ok(self) -> bool:
        return self.reason is None


def check_block(block: bytes, settings: Settings) -> Outcome | None:
    """What can be said of a block by its first bytes: why it is refused, or None. Costs next to nothing."""
    if len(block) > settings.block_bytes_max:
        return Outcome(Reason.TOO_LARGE, f"a block of {len(block)} bytes; the service takes {settings.block_bytes_max}")
    try:
        version, min_reader, body_bytes = block_header(block)
    except BlockTooNew as error:
        return Outcome(Reason.TOO_NEW, f"{error}; upgrade the service (pip install -U stepwell), the block is kept")
    except BlockError as error:
        return Outcome(Reason.DAMAGED, str(error))
    del version, min_reader
    if body_bytes > settings.block_body_bytes_max:
        return Outcome(
            Reason.TOO_LARGE,
            f"a block of {body_bytes} bytes unpacked; the service takes {settings.block_body_bytes_max}",
        )
    return None


@dataclass
class _Group:
    """Blocks for one shard (0: there are none), decoded into one batch."""

    shard: int
    batch: NativeBatch = field(default_factory=NativeBatch)
    indices: list[int] = field(default_factory=list)


class Ingest:
    """Thread-safe: blocks are decoded beside each other, inserts go one at a time."""

    def __init__(
        self, metrics: MetricStore, blobs: BlobStore, settings: Settings | None = None, stages: Stages | None = None
    ) -> None:
        self._metrics = metrics
        self._blobs = blobs
        self._settings = settings or Settings()
        self._stages = stages or Stages()
        self._purged = PurgedRuns(metrics, self._settings.tombstone_refresh_s)

    def write(self, blocks: Sequence[bytes]) -> list[Outcome]:
        """One outcome a block, in their order. Never raises for what a block holds or the store does."""
        outcomes: list[Outcome] = [Outcome()] * len(blocks)
        groups: dict[int, _Group] = {}
        for index, block in enumerate(blocks):
            shard, outcomes[index] = self._place(block)
            if not outcomes[index].ok or outcomes[index].discarded:
                continue
            group = groups.setdefault(shard, _Group(shard))
            outcomes[index] = self._add(group.batch, block)
            if not outcomes[index].ok:
                if outcomes[index].rows:  # refused after it was decoded: it must not stay in the batch
                    group.batch = self._gather(group.indices, blocks)
                continue
            group.indices.append(index)
            if group.batch.total_rows >= self._settings.flush_rows:
                self._flush(groups.pop(shard), blocks, outcomes)
        for group in groups.values():
            self._flush(group, blocks, outcomes)
        return outcomes

    def commit_artifact(self, request: ArtifactCommit) -> bool:
        """Makes the artifact complete; False where its run was purged: nothing is kept, and its sender may forget it.

        Raises InvalidValue, BlobError (BlobsMissingError), StoreError.
        """
        if self._purged.refresh() and len(request.run) == 16:
            run, attempt = uuid.UUID(bytes=request.run), (request.version & ~COMPLETE_BIT) >> ROW_SEQ_BITS
            if self._purged.discards(run, attempt):
                return False
            self._purged.welcome(run, attempt)
        commit(request, self._metrics, self._blobs)
        return True

    def _place(self, block: bytes) -> tuple[int, Outcome]:
        """The shard for a block, and whether its run was purged.

        By a decoding of its own where there are shards, or tombstones: decoding is a hundredth of an insert.
        """
        outcome = Outcome()
        try:
            if not self._purged.refresh() and not self._metrics.sharded:
                return 0, outcome
            outcome = self._add(NativeBatch(), block)
            if not outcome.ok:
                return 0, outcome
            run = uuid.UUID(bytes=outcome.run)
            if self._purged.discards(run, outcome.attempt):
                return 0, replace(outcome, rows=0, discarded=True)
            self._purged.welcome(run, outcome.attempt)
            return self._metrics.shard_of(run), outcome
        except StoreError as error:  # whether it is purged, or which shard has it, is not known
            log.warning("a block is to be sent again: %s", error)
            return 0, Outcome(Reason.RETRY, str(error), outcome.run, outcome.attempt)

    def _add(self, batch: NativeBatch, block: bytes) -> Outcome:
        refused = check_block(block, self._settings)
        if refused:
            return refused
        before = batch.total_rows
        try:
            with self._stages.spent("decode"):
                info = batch.add(unseal(block, self._settings.block_body_bytes_max))
        except BlockTooNew as error:
            return Outcome(Reason.TOO_NEW, str(error))
        except BlockError as error:
            return Outcome(Reason.DAMAGED, str(error))
        rows = batch.total_rows - before
        wrong = _wrong_identity(info.project, info.id, info.run)
        if wrong:
            return Outcome(Reason.REJECTED, wrong, info.run, info.attempt, max(rows, 1))
        return Outcome(run=info.run, attempt=info.attempt, rows=rows)

    def _gather(self, indices: Sequence[int], blocks: Sequence[bytes]) -> NativeBatch:
        batch = NativeBatch()
        for index in indices:
            batch.add(unseal(blocks[index], self._settings.block_body_bytes_max))
        return batch

    def _flush(self, group: _Group, blocks: Sequence[bytes], outcomes: list[Outcome]) -> None:
        """Inserts the batch; where the store refuses it for good, finds out which block it refuses."""
        if not group.indices:
            return
        killpoint("service.decoded")
        try:
            self._insert(group)
        except StoreUnavailable as error:
            log.warning("%d blocks are to be sent again: %s", len(group.indices), error)
            self._mark(outcomes, group.indices, Reason.RETRY, error)
        except StoreError as error:
            if len(group.indices) == 1:
                log.error("a block was rejected: %s", error)
                self._mark(outcomes, group.indices, Reason.REJECTED, error)
                return
            middle = len(group.indices) // 2
            for half in (group.indices[:middle], group.indices[middle:]):
                self._flush(_Group(group.shard, self._gather(half, blocks), half), blocks, outcomes)

    def _insert(self, group: _Group) -> None:
        batch = group.batch
        # `runs` last: a run is listed once something of it can be seen.
        for table in sorted(batch.tables, key=lambda name: name == "runs"):
            if batch.rows(table):
                with self._stages.spent("build"):
                    native = batch.build(table)
                with self._stages.spent("insert"):
                    self._metrics.insert_native(table, native, group.shard)
                killpoint("service.inserted_one")

    @staticmethod
    def _mark(outcomes: list[Outcome], indices: list[int], reason: Reason, error: StoreError) -> None:
        for index in indices:
            known = outcomes[index]
            outcomes[index] = Outcome(reason, str(error), known.run, known.attempt)


@lru_cache(maxsize=4096)
def _wrong_identity(project: str, id: str, run: bytes) -> str:
    """What is wrong with a block's names, or "": a block can only write to the run that it names."""
    try:
        check_project(project)
        check_id(id)
    except InvalidValue as error:
        return str(error)
    if run_uuid(project, id).bytes != run:
        return f"the block's run key is not that of {project!r}/{id!r}"
    return ""
