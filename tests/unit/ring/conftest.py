from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recorders import MakeRecorder, Slow

from stepwell import _core


@pytest.fixture
def make_recorder(tmp_path: Path) -> MakeRecorder:
    """Recorders over a mailbox of this test; any argument can be given another value."""
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()

    def make(**changed: Any) -> _core.Recorder:
        arguments: dict[str, Any] = {
            "mailbox": str(mailbox),
            "fallback": str(tmp_path / "rings"),
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

    return make
