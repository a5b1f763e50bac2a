"""How often a log call of device scalars makes the host wait for the device, as torch's profiler sees it on a GPU."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from .figures import Figure, missing

__all__ = ["run", "waits"]

METRICS, CALLS = 50, 100
# What the CUDA runtime calls that wait are called in a profile; ROCm's are built alike.
WAITS = ("StreamSynchronize", "DeviceSynchronize", "EventSynchronize", "cudaMemcpy", "hipMemcpy")
_OURS = "run.log, synchronisations in a hundred calls"


def run(quick: bool) -> Iterator[Figure]:  # noqa: ARG001 - it takes a second
    if find_spec("torch") is None:
        yield missing(_OURS, "torch is not installed")
        return
    import torch

    if not torch.cuda.is_available():
        yield missing(_OURS, "no GPU here")
        return
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["STEPWELL_HOME"] = folder
        import stepwell

        values = {f"metric/{i}": torch.randn((), device="cuda") for i in range(METRICS)}
        with stepwell.init(project="benchmark", settings={"quiet": True, "console": False, "capture": False}) as run:

            def with_item() -> None:
                run.log({name: value.item() for name, value in values.items()})

            def with_histogram() -> None:
                run.log({"h": stepwell.Histogram(values["metric/0"].expand(1000))})

            yield Figure(_OURS, "waits", _counts(torch, lambda: run.log(values)), target=0.0)
            counts = _counts(torch, with_histogram)
            yield Figure("histogram, synchronisations in a hundred calls", "waits", counts, target=0.0)
            yield Figure("item() of each of 50 metrics, a hundred calls", "waits", _counts(torch, with_item))


def _counts(torch: Any, call: Callable[[], object]) -> tuple[float, ...]:
    call()  # makes what is made once: pinned memory, kernels
    call()
    return tuple(float(_count(torch, call)) for _ in range(3))


def _count(torch: Any, call: Callable[[], object]) -> int:
    from torch.profiler import ProfilerActivity, profile, record_function

    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler, record_function("log calls"):
        for _ in range(CALLS):
            call()
    events = [(event.name, event.time_range.start, event.time_range.end) for event in profiler.events()]
    return waits(events, "log calls")


def waits(events: list[tuple[str, float, float]], span: str) -> int:
    """Of (name, start, end): how many calls that wait lie within the span of this name."""
    begin, end = next((start, stop) for name, start, stop in events if name == span)
    return sum(begin <= start <= end and (name.endswith(WAITS[:3]) or name in WAITS[3:]) for name, start, _ in events)
