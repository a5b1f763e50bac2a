"""Recorders over a mailbox in a folder, without an agent, and what their tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepwell import _core


class Slow(list[tuple[Any, Any, Any]]):
    """Keeps what `log` could not do."""

    def __call__(self, data: Any, step: Any, time: Any) -> None:
        self.append((data, step, time))


MakeRecorder = Callable[..., _core.Recorder]


def recorder_in(folder: Path, **changed: Any) -> _core.Recorder:
    """A recorder whose mailbox lies in the folder; any argument can be given another value."""
    mailbox = folder / "mailbox"
    mailbox.mkdir(exist_ok=True)
    arguments: dict[str, Any] = {
        "mailbox": str(mailbox),
        "fallback": str(folder / "rings"),
        "identity": b'{"project": "p", "id": "r"}',
        "run": bytes(range(16)),
        "rank": 2,
        "attempt": 99,
        "ring_bytes": 1 << 20,
        "child_ring_bytes": 1 << 16,
        "ring_bytes_min": 1 << 14,
        "ring_bytes_max": 1 << 20,
        "ring_full_budget_s": 0.0,
        "ring_share_max": 1.0,
        "agent_stale_s": 1e6,
        "wake_interval_s": 1e6,
        "first_step": 0,
        "slow": Slow(),
        "wake": lambda: None,
    }
    return _core.Recorder(**{**arguments, **changed})


def new_block(writer: int = 1) -> _core.BlockBuilder:
    return _core.BlockBuilder(
        project="p", id="r", run=bytes(range(16)), rank=2, attempt=99, writer=writer, created_ms=1
    )
