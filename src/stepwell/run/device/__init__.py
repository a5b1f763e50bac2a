"""Values that live on a device: copied to the host behind the log call, harvested by a later one.

Owns everything between "this tensor is on a GPU" and the numbers and histogram bytes of it. A framework is never
imported here, only used where the user's value comes from it; nothing here waits for a device but `Histogram.data` of
one that is on its way. Called by the slow path of `run.log` and by `stepwell.Histogram`.

`known` says who can read a value, a `Backend` starts the copy and gives a `Transfer`, `pending` keeps the transfers of
log calls in order until they are done.
"""

from __future__ import annotations

from .counted import Counted
from .known import backend_of, host_tensor, is_host_tensor, is_tensor_type, on_device, warn_of_sync
from .pending import Call, Cells, Pending, Records
from .transfer import Backend, CannotRead, Transfer

__all__ = [
    "Backend",
    "Call",
    "CannotRead",
    "Cells",
    "Counted",
    "Pending",
    "Records",
    "Transfer",
    "backend_of",
    "host_tensor",
    "is_host_tensor",
    "is_tensor_type",
    "on_device",
    "warn_of_sync",
]
