"""Stepwell's public names, and nothing else: `init`, what it gives, and `Api` to read it back.

Importing this loads the compiled core and the standard library. The live run is `stepwell.run` (None without one);
`config` and `summary` are its own; `Api`, `Image`, `Table` and `Reference` are loaded when they are first named.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from . import errors
from .run import Histogram, Run, current, finish, init, log
from .settings import Settings
from .version import VERSION

if TYPE_CHECKING:
    from .query import Api
    from .run import Fields, Image, Reference, Table

    config: Fields
    summary: Fields

__version__ = VERSION

# The name of the package that records becomes the name of the run that it records: `stepwell.run` is looked up below.
del run  # type: ignore[name-defined] # noqa: F821

__all__ = [
    "Api",
    "Histogram",
    "Image",
    "Reference",
    "Run",
    "Settings",
    "Table",
    "__version__",
    "errors",
    "finish",
    "init",
    "log",
]


def __getattr__(name: str) -> Any:
    if name == "run":
        return current()
    if name in ("config", "summary"):
        live = current()
        if live is None:
            raise AttributeError(f"stepwell.{name} belongs to a run, and none is live: call stepwell.init() first")
        return getattr(live, name)
    if name == "Api":
        from .query import Api

        return Api
    if name in ("Image", "Table", "Reference"):
        return getattr(sys.modules[f"{__name__}.run"], name)  # the room: as an attribute it is the live run
    raise AttributeError(f"module 'stepwell' has no attribute {name!r}")
