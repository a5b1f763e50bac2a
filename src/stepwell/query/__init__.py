"""Reading: Api, filters, history, histograms, console, artifacts, from a service or the stores at hand.

Never writes a run, never imports agent, run or service. Called by people's notebooks, the CLI, and the
service's reading routes (which hand it their stores).
"""

from ..errors import FilterError, NotFound
from ..stores.retention.records import Hold, Trashed
from .api import Api
from .artifact import Artifact
from .console import Console, ConsoleLine
from .distribution import HistogramPoint
from .media import LoggedImage, LoggedTable
from .records import Event, MetricInfo
from .runs import Runs
from .tensor import LoggedTensor, TensorInfo
from .view import Run

__all__ = [
    "Api",
    "Artifact",
    "Console",
    "ConsoleLine",
    "Event",
    "FilterError",
    "HistogramPoint",
    "Hold",
    "LoggedImage",
    "LoggedTable",
    "LoggedTensor",
    "MetricInfo",
    "NotFound",
    "Run",
    "Runs",
    "TensorInfo",
    "Trashed",
]
