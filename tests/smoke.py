"""What an installed wheel must do with nothing but its base install: `python tests/smoke.py`. For every platform."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROWS = 1000


def record_and_read_back(home: Path) -> None:
    import stepwell
    from stepwell import _core
    from stepwell.blocks import unseal
    from stepwell.spool import Spool, find_spools

    os.environ["STEPWELL_HOME"] = str(home)
    run = stepwell.init(project="smoke", id="r", mode="offline", settings={"capture": False, "quiet": True})
    for i in range(ROWS):
        run.log({"loss": 1.0 / (i + 1), "step": i})
    run.log({"w": stepwell.Histogram([float(i) for i in range(100)]), "note": "täxt"})
    run.finish(timeout=60)
    frames = [frame for path in find_spools(home) for frame in Spool.open_readonly(path).frames()]
    records = sum(_core.NativeBatch().add(unseal(frame.payload, 1 << 28)).records for frame in frames)
    assert records > ROWS, f"{records} records in {len(frames)} blocks of {home}; the agent's log: {log_of(home)}"


def log_of(home: Path) -> str:
    log = home / "log" / "agent.log"
    return log.read_text() if log.exists() else "none"


def record_nothing() -> None:
    import stepwell

    with stepwell.init(project="smoke", mode="disabled") as run:
        run.log({"loss": 1.0})
    try:
        stepwell.init(project="smoke")
    except stepwell.errors.StepwellError as error:
        assert "STEPWELL_SERVER" in str(error)  # noqa: PT017 - runs without pytest
    else:
        raise AssertionError("a run began where none can be recorded")


if __name__ == "__main__":
    if sys.platform == "win32":
        record_nothing()
    else:
        with tempfile.TemporaryDirectory() as folder:
            record_and_read_back(Path(folder))
    from stepwell import Api, cli  # noqa: F401 - what reading over HTTP imports

    sys.stdout.write(f"stepwell works under Python {sys.version.split()[0]} on {sys.platform}\n")
