"""`python -m benchmarks --quick` on two subjects that cost little: its tables, its JSON, its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from components.clickhouse import LIBRARY
from components.programs import need

ROOT = Path(__file__).parents[3]


def suite(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=240)


def test_two_subjects_print_their_tables_and_write_their_figures(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = suite(
        "codec", "export", "--quick", "--no-record", "--no-install", "--store", "embedded", "--json", str(file)
    )
    assert done.returncode == 0, done.stderr + done.stdout
    for expected in ("codec: ", "export: ", "all rows", "bytes a point", "not measured"):
        assert expected in done.stdout
    known = json.loads(file.read_text())
    assert {"cpu", "cores", "python", "commit", "quick"} <= known["machine"].keys()
    assert known["subjects"].keys() == {"codec", "export"}
    for subject in known["subjects"].values():
        assert subject["failed"] == ""
        assert subject["figures"]
        for figure in subject["figures"]:
            assert figure["what"]
            assert figure["values"] or figure["absent"]
    # What was measured before can be shown again, with nothing measured anew.
    again = suite("--from", str(file), "--no-record", "--docs", str(tmp_path / "page.md"), "--json", str(file))
    assert again.returncode == 0, again.stderr
    assert "## codec" in (tmp_path / "page.md").read_text()


def test_a_clickhouse_server_is_started_where_one_is_asked_for(home: Path, tmp_path: Path) -> None:
    need(LIBRARY, "the ClickHouse server")
    file = tmp_path / "figures.json"
    done = suite("export", "--store", "server", "--quick", "--no-record", "--no-install", "--json", str(file))
    assert done.returncode == 0, done.stderr + done.stdout
    [(key, subject)] = json.loads(file.read_text())["subjects"].items()
    assert key == "export-server"
    assert [figure["what"] for figure in subject["figures"]] == ["export, long", "export, wide"]
    assert "export, long (server)" in done.stdout


def test_an_unknown_subject_is_named(home: Path) -> None:
    done = suite("nothing")
    assert done.returncode == 2
    assert "no subject 'nothing'" in done.stderr
