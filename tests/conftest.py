"""What every test gets: a home of its own, and nothing left running or lying about afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from support import AT_ONCE, end_processes_of

pytest_plugins = ["components.fixtures"]

# A shell that starts pytest in its background has SIGINT ignored, and every process started here would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Workers and the hundreds of processes that tests start read what one of them has compiled: a fifth of their time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A BLAS of many threads keeps them spinning between two small products, on the cores of the other tests.
os.environ["OPENBLAS_NUM_THREADS"] = "1"


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: in a third of its time a test waits for processes of its own."""
    return len(os.sched_getaffinity(0)) + 1


KIND_PARAMETERS = ("engine_kind", "address", "setting", "s3_served", "any_s3", "reader")
"""Of tests and fixtures that are there once for each kind of store, or for each way to read one."""


ABOVE_THE_STORES = ("test_gc.py", "test_removals.py")
"""Retention stands on what the other tests of the stores have over every kind."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test over several kinds of stores one runs by default, another for each test; the others are `thorough`.

    The tests of the stores themselves run over all of them, those of retention apart.
    """
    alike: defaultdict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        all_kinds = "stores" in item.path.parts and item.path.name not in ABOVE_THE_STORES
        if isinstance(item, pytest.Function) and not all_kinds and (kind := _kind(item)):
            other_parameters = f"-{item.callspec.id}-".replace(f"-{kind}-", "-", 1)
            alike[f"{item.path.name}::{item.originalname}{other_parameters}"].append(item)
    for about, kinds in alike.items():
        chosen = crc32(about.encode()) % len(kinds)
        for item in kinds[:chosen] + kinds[chosen + 1 :]:
            item.add_marker(pytest.mark.thorough)


def _kind(item: pytest.Function) -> str | None:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return next((str(parameters[name]) for name in KIND_PARAMETERS if name in parameters), None)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """STEPWELL_HOME in a new folder; agents and services of it are ended, and its rings removed, afterwards."""
    for name in [name for name in os.environ if name.startswith("STEPWELL_") and name != "STEPWELL_REQUIRE_ALL"]:
        monkeypatch.delenv(name)
    # What a launcher, a batch system or CI says changes what a run is called and how long `finish` waits.
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_JOB_ID", "SLURM_PROCID", "TORCHELASTIC_RUN_ID", "CI"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("STEPWELL_HOME", str(folder))
    monkeypatch.setenv("STEPWELL_AGENT_LINGER_S", "0.5")
    for name, value in AT_ONCE.items():
        monkeypatch.setenv(name, value)
    yield folder
    end_processes_of(folder)
    from stepwell import _core
    from stepwell.home import Home

    mailbox = Home(folder).mailbox(_core.RING_LAYOUT)
    shutil.rmtree(mailbox, ignore_errors=True)
