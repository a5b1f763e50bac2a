"""Values that live on an accelerator: knowing them, and saying once what reading them costs."""

from __future__ import annotations

from typing import Any

from .notices import warn

__all__ = ["on_device", "warn_of_sync"]

_warned = False


def on_device(value: Any) -> bool:
    """Whether a torch, jax or cupy array lies elsewhere than in host memory."""
    device = getattr(value, "device", None)
    if device is None or callable(device):
        return False
    kind = device if isinstance(device, str) else getattr(device, "type", None) or getattr(device, "platform", None)
    if kind is None:
        return type(device).__module__.partition(".")[0] == "cupy"
    return isinstance(kind, str) and kind != "cpu"


def warn_of_sync() -> None:
    """One line a process: the value was copied from the device, which waits until everything before it has run."""
    global _warned  # noqa: PLW0603
    if _warned:
        return
    _warned = True
    warn(
        "a value on an accelerator was logged: reading it waits for the device. Log it every few steps, or keep a "
        "running mean on the device and log that."
    )
