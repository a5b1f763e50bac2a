"""Host and accelerators in figures: what a machine does while it trains, and what stands in it.

Owns the devices and how each kind is read; knows nothing of runs, rings or the wire. A kind of device is one file and
one line among the entry points `stepwell.hardware`. Called by the agent, which samples, by the capture of a run's
environment, which writes down the facts, and by `stepwell doctor`.
"""

from .device import Device, Find, NotHere
from .plugins import facts_of, found_by, plugins
from .probe import Probe

__all__ = ["Device", "Find", "NotHere", "Probe", "facts_of", "found_by", "plugins"]
