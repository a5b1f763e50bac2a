"""An inserted row brings no pandas into the process; frames are to be had of the driver afterwards all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import sys
from stepwell.stores.metrics import open_metrics
store = open_metrics(sys.argv[1])
store.migrate()
assert store.rows("SELECT count() AS n FROM schema_version")[0]["n"] > 0
assert "pandas" not in sys.modules, "an insert imported pandas"
with store._query_client() as client:
    assert client.query_df("SELECT 7 AS seven").seven[0] == 7
assert "pandas" in sys.modules
"""


def test_an_inserted_row_loads_no_pandas(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-c", _SCRIPT, f"chdb://{tmp_path}/metrics"], check=True, timeout=120)
