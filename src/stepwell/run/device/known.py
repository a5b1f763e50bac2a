"""Which values lie on a device, who can read them without waiting, and saying once what reading the others costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..notices import warn
from .jax import JaxBackend
from .torch import Lane, StreamLane, TorchBackend
from .transfer import Backend
from .xla import XlaBackend

__all__ = [
    "TORCH_LANES",
    "backend_of",
    "host_tensor",
    "is_host_tensor",
    "is_tensor_type",
    "on_device",
    "warn_of_sync",
]

# Device types of torch that have streams, events and pinned memory; ROCm calls itself cuda.
TORCH_LANES: dict[str, Callable[[Any, Any], Lane]] = {"cuda": StreamLane, "xpu": StreamLane}
_DLPACK_TYPES = (2, 10, 14)  # kDLCUDA, kDLROCM, kDLOneAPI of dlpack.h
_torch_backends: dict[Any, Backend] = {}
_jax_backends: dict[str, Backend] = {}
_warned = False


def is_tensor_type(kind: type[Any]) -> bool:
    """Whether it is torch's own tensor: there may be fifty in a call, and `isinstance` would ask each."""
    torch = sys.modules.get("torch")
    return torch is not None and kind is getattr(torch, "Tensor", None)


def is_host_tensor(value: Any) -> bool:
    """Of such a tensor: whether its values lie in host memory and can be read at once."""
    return value.is_cpu is True and _host_is_read_at_once()


def _host_is_read_at_once() -> bool:
    """Whether host memory is no device itself, as it is where nothing plays one on it."""
    return "cpu" not in TORCH_LANES


def host_tensor() -> type[Any] | None:
    """Torch's own tensor, if there is torch and the core may read what it has in host memory."""
    found: type[Any] | None = getattr(sys.modules.get("torch"), "Tensor", None)
    return found if _host_is_read_at_once() else None


def backend_of(value: Any) -> tuple[Backend, Any] | None:
    """Who reads a value without waiting, and the value as it is given to them; None where that is nobody."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        return _of_tensor(torch, value)
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(value, getattr(jax, "Array", ())):
        if isinstance(value, jax.core.Tracer):
            return None
        return _jax_backends.setdefault("jax", JaxBackend(jax)), value
    if torch is not None and _dlpack_type(value) in _DLPACK_TYPES:
        try:
            return _of_tensor(torch, torch.from_dlpack(value))
        except Exception:  # noqa: BLE001 - a type that torch does not know, or a torch without this device
            return None
    return None


def _of_tensor(torch: Any, value: Any) -> tuple[Backend, Any] | None:
    device = value.device
    if device.type != "xla" and device.type not in TORCH_LANES:
        return None
    # Of a subclass (a DTensor, a fake tensor) nothing is known, and within vmap or grad a tensor stands for others:
    # reading it is its own affair.
    if type(value) not in (torch.Tensor, getattr(getattr(torch, "nn", None), "Parameter", None)):
        return None
    functorch = getattr(getattr(torch, "_C", None), "_functorch", None)
    if functorch is not None and functorch.is_functorch_wrapped_tensor(value):
        return None
    backend = _torch_backends.get(device)
    if backend is None:
        try:
            if device.type == "xla":
                backend = XlaBackend(torch, sys.modules["torch_xla.core.xla_model"])
            else:
                backend = TorchBackend(torch, TORCH_LANES[device.type](torch, device))
        except (AttributeError, KeyError):
            return None
        _torch_backends[device] = backend
    return backend, value


def _dlpack_type(value: Any) -> int:
    ask = getattr(value, "__dlpack_device__", None)
    if not callable(ask) or not hasattr(value, "__dlpack__"):
        return 0
    try:
        return int(ask()[0])
    except Exception:  # noqa: BLE001 - the value's own method
        return 0


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
        "a value on an accelerator was logged that cannot be copied in the background: reading it waits for the "
        "device. Log it every few steps, or keep a running mean on the device and log that."
    )
