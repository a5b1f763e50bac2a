"""What the ring's tests share beside their fixture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepwell import _core


class Slow(list[tuple[Any, Any, Any]]):
    """Keeps what `log` could not do."""

    def __call__(self, data: Any, step: Any, time: Any) -> None:
        self.append((data, step, time))


MakeRecorder = Callable[..., _core.Recorder]


def new_block(writer: int = 1) -> _core.BlockBuilder:
    return _core.BlockBuilder(
        project="p", id="r", run=bytes(range(16)), rank=2, attempt=99, writer=writer, created_ms=1
    )
