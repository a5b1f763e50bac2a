"""Which calls of a profile are waits for the device."""

from __future__ import annotations

from benchmarks.device import waits


def test_waits_within_the_span_are_counted() -> None:
    events = [
        ("log calls", 10.0, 20.0),
        ("cudaLaunchKernel", 11.0, 12.0),
        ("cudaMemcpyAsync", 12.0, 13.0),
        ("cudaEventQuery", 13.0, 14.0),
        ("cudaStreamSynchronize", 14.0, 15.0),
        ("hipEventSynchronize", 15.0, 16.0),
        ("cudaMemcpy", 16.0, 17.0),
        ("cudaDeviceSynchronize", 25.0, 26.0),
    ]
    assert waits(events, "log calls") == 3
