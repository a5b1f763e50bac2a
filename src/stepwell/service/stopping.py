"""A request to stop a run: an event of the run first, then word to the agents that carry it."""

from __future__ import annotations

import asyncio
import json
import secrets
import time

from .._core import KIND_EVENT, BlockBuilder
from ..blocks import seal
from ..errors import InvalidValue, NotFound, StoreUnavailable
from ..ids import check_id, check_project, run_uuid
from ..settings import Settings
from ..stores.metrics import MetricStore
from .batcher import Batcher
from .stops import Stop, StopBoard

__all__ = ["Stopper"]

_REASON_BYTES_MAX = 2000


class Stopper:
    """Writes its events as a writer of its own, through the same door as everybody's blocks."""

    def __init__(self, metrics: MetricStore, batcher: Batcher, board: StopBoard, settings: Settings) -> None:
        self._metrics = metrics
        self._batcher = batcher
        self._board = board
        self._settings = settings
        self._writer = secrets.randbits(64)
        self._row_seq = 0

    async def stop(self, project: str, id: str, reason: str) -> int:
        """How many streams were told at once. Raises NotFound for a run that the store does not know."""
        run = run_uuid(check_project(project), check_id(id))
        if len(reason.encode("utf-8", "replace")) > _REASON_BYTES_MAX:
            raise InvalidValue(f"a reason has at most {_REASON_BYTES_MAX} bytes")
        found = await asyncio.to_thread(
            self._metrics.rows,
            "SELECT toUnixTimestamp64Milli(created) AS created_ms, "
            "(SELECT max(attempt) FROM v_events WHERE run = {run:UUID}) AS attempt FROM v_runs WHERE run = {run:UUID}",
            {"run": str(run)},
        )
        if not found:
            raise NotFound(f"no run {project}/{id} has arrived here")
        attempt = int(found[0]["attempt"])
        self._row_seq += 1
        builder = BlockBuilder(
            project=project,
            id=id,
            run=run.bytes,
            rank=0,
            attempt=attempt,
            writer=self._writer,
            created_ms=int(found[0]["created_ms"]),
        )
        body = json.dumps({"reason": reason}).encode()
        builder.add_record(KIND_EVENT, (b"stop", body), self._row_seq, 0, int(time.time() * 1000))
        outcome = await self._batcher.put(seal(builder, self._settings.compression_level))
        if not outcome.ok:
            raise StoreUnavailable(f"the request could not be kept, so nobody was told: {outcome.message}")
        return self._board.request(Stop(run.bytes, attempt, reason))
