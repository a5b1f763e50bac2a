"""The commands as people run them, on what a real run recorded; here and there as processes of their own."""

from __future__ import annotations

import csv
import functools
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from serving import serving
from stepwell.cli.main import main
from support import processes_of, service_address, wait_for

SCRIPT = """
import stepwell, sys
run = stepwell.init(project="p", id="r", name="a name", config={"model": {"depth": 3}, "lr": 0.1}, tags=["t"],
                    mode=sys.argv[1], settings={"quiet": True, "capture": False})
print("10%\\r100%")
for step in range(50):
    run.log({"loss": 1 / (step + 1), "odd": float("nan") if step == 7 else step}, step=step)
run.log({"only/late": 5.0, "weights": stepwell.Histogram([1.0, 2.0, 3.0])}, step=60)
run.finish()
"""


def process(*arguments: str) -> str:
    """What `stepwell` prints, as a process of its own."""
    command = [sys.executable, "-m", "stepwell", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def stepwell(*arguments: str, code: int = 0, given: str | None = None) -> Result:
    """The command in this process, which has loaded already what each process of its own would load anew."""
    done = CliRunner().invoke(main, arguments, input=given)
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """By mode: a home in which SCRIPT has run, and nothing runs any more. Tests copy it."""

    @functools.cache
    def of_mode(mode: str) -> Path:
        home = tmp_path_factory.mktemp(mode) / "home"
        environment = {**os.environ, "STEPWELL_HOME": str(home)}
        subprocess.run([sys.executable, "-c", SCRIPT, mode], check=True, timeout=60, env=environment)
        wait_for(lambda: not processes_of(home), what="the agent to end")
        return home

    return of_mode


@pytest.fixture
def recorded(home: Path, recorded_once: Callable[[str], Path], request: pytest.FixtureRequest) -> Path:
    shutil.copytree(recorded_once(getattr(request, "param", "online")), home)
    return home


ARTIFACTS = """
import stepwell
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False})
for content in ("one", "two"):
    open("data.txt", "w").write(content)
    run.log_artifact(["data.txt", stepwell.Reference("s3://lake/x.bin", "sha256:1", 5)], "data", aliases=[content])
run.finish()
"""


def test_artifacts_are_listed_and_downloaded(home: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", ARTIFACTS], check=True, timeout=60, cwd=tmp_path)
    newest = stepwell("artifacts", "p").stdout
    assert "p/data:v1" in newest
    assert "p/data:v0" not in newest
    both = json.loads(stepwell("artifacts", "p/data", "--json").stdout)
    assert [(one["artifact"], one["aliases"], one["run"]) for one in both] == [
        ("p/data:v0", ["one"], "p/r"), ("p/data:v1", ["latest", "two"], "p/r"),
    ]  # fmt: skip
    assert "no artifacts of p/none" in stepwell("artifacts", "p/none").stdout
    told = stepwell("download", "p/data:one", str(tmp_path / "back"), "-f", "*").stdout
    assert (tmp_path / "back/data.txt").read_text() == "one"
    assert "1 file (3 B) of p/data:v0" in told
    assert "x.bin is a reference to s3://lake/x.bin" in told
    assert "v0 to v1" in stepwell("download", "p/data:v9", str(tmp_path / "back"), code=1).stderr


def test_runs_show_and_export_need_no_service(recorded: Path, tmp_path: Path) -> None:
    listed = process("runs", "config.lr < 1 and 't' in tags")
    assert "p/r" in listed
    assert "a name" in listed
    assert "finished" in listed
    assert "no runs match" in stepwell("runs", "config.lr > 1").stdout
    shown = stepwell("show", "r").stdout
    for text in ("p/r", "model/depth", "only/late", "┤", "100%", "weights"):
        assert text in shown
    about = json.loads(stepwell("show", "p/r", "--json").stdout)
    assert about["config"] == {"model": {"depth": 3}, "lr": 0.1}
    assert (about["summary"]["loss"], about["summary"]["only/late"]) == (0.02, 5.0)
    assert stepwell("show", "r", "--console").stdout == "100%\n"

    stepwell("export", "p/r", "-o", str(tmp_path / "all.parquet"))
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.schema.names == ["step", "rank", "loss", "odd", "only/late"]
    assert table["loss"].to_pylist() == [*(1 / (step + 1) for step in range(50)), None]
    assert json.loads(table.schema.metadata[b"stepwell"])["config"]["model"] == {"depth": 3}
    again = stepwell("export", "p/r", "-o", str(tmp_path / "all.parquet"), code=1)
    assert "--force" in again.stderr

    rows = list(csv.DictReader(io.StringIO(process("export", "r", "-f", "csv", "-m", "l*", "-m", "odd", "-o", "-"))))
    assert [row["loss"] for row in rows[:2]] == ["1", "0.5"]
    assert rows[7]["odd"] == "nan"
    whole = json.loads(stepwell("export", "r", "-f", "json", "--long", "-o", "-").stdout)
    assert whole["config"]["lr"] == 0.1
    assert len(whole["history"]) == 101
    assert [row["value"] for row in whole["history"] if row["metric"] == "odd"][7] == "NaN"


def test_ui_waits_until_its_service_has_what_was_recorded_before(recorded: Path) -> None:
    assert "/login?ticket=" in process("ui", "--no-browser", "p/r")
    metrics = json.loads(stepwell("show", "p/r", "--json").stdout)["metrics"]
    assert {info["name"]: info["points"] for info in metrics}["loss"] == 50


def test_mistakes_are_said_in_one_line(recorded: Path) -> None:
    missing = stepwell("show", "p/nope", code=1).stderr
    assert missing.startswith("error no run p/nope")
    filtered = stepwell("runs", "lr > 1", code=1).stderr.splitlines()
    assert filtered[0].startswith("error a run has no 'lr'")
    assert filtered[-2:] == ["  lr > 1", "  ^"]
    assert "Traceback" not in missing


@pytest.mark.parametrize("recorded", ["offline"], indirect=True)
def test_sync_takes_what_was_recorded_offline_into_the_store(recorded: Path) -> None:
    said = stepwell("sync").stdout
    assert "are in" in said
    assert list((recorded / "spool").glob("*/*.seg")) == []
    assert json.loads(stepwell("show", "p/r", "--json").stdout)["state"] == "finished"
    assert "0 blocks" in stepwell("sync").stdout


@pytest.mark.parametrize("recorded", ["offline"], indirect=True)
def test_sync_sends_to_the_service_that_is_up(recorded: Path, tmp_path: Path) -> None:
    with serving(recorded):
        assert "sent" in stepwell("sync").stdout
        wait_for(lambda: "finished" in stepwell("runs").stdout, what="the service to show the run")


def test_login_tries_the_token_and_keeps_it(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(recorded):
        address = service_address(recorded)
        assert address is not None
        url, token = str(address["url"]), str(address["token"])
        monkeypatch.setenv("STEPWELL_HOME", str(tmp_path / "elsewhere"))
        refused = stepwell("login", url, "--token-stdin", code=1, given="not-the-token-of-this-service\n")
        assert "does not take this token" in refused.stderr
        assert not (tmp_path / "elsewhere" / "credentials.json").exists()
        assert token not in stepwell("login", url, "--token-stdin", given=token + "\n").stdout
        kept = tmp_path / "elsewhere" / "credentials.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert json.loads(kept.read_text()) == {url: {"token": token}}
        monkeypatch.setenv("STEPWELL_SERVER", url)
        assert "stepwell" in stepwell("doctor").stdout
        assert isinstance(json.loads(stepwell("runs", "--json").stdout), list)


def test_doctor_finds_nothing_wrong_with_what_works(recorded: Path) -> None:
    findings = json.loads(stepwell("doctor", "--json").stdout)
    assert {finding["of"] for finding in findings} >= {
        "version",
        "wire",
        "home",
        "disk",
        "shared memory",
        "agent",
        "spool",
    }
    assert not [finding for finding in findings if finding["level"] == "wrong"]


def test_doctor_points_at_refused_blocks(recorded: Path) -> None:
    (spool,) = {path.parent for path in (recorded / "spool").glob("*/*.seg")}
    (spool / "00000001.refused").write_bytes(b"")
    (spool / "00000001.refused.jsonl").write_text('{"offset": 0, "reason": "REJECTED"}\n')
    said = stepwell("doctor", code=1).stdout
    assert "1 blocks were refused" in said


def test_doctor_points_at_rings_that_were_set_aside(recorded: Path) -> None:
    (recorded / "damaged").mkdir()
    (recorded / "damaged" / "0123456789abcdef-000000-1.ring").write_bytes(b"")
    said = "".join(stepwell("doctor", code=1).stdout.split())
    assert f"setasidein{recorded / 'damaged'}:1" in said
    assert str(recorded / "log" / "agent.log") in said


@pytest.mark.parametrize("ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)])
def test_the_demo_serves_on_until_it_is_stopped(home: Path, ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "stepwell", "demo", "--steps", "20"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    said = ""
    while "Ctrl-C ends it" not in said:
        line = demo.stdout.readline()
        assert line, said
        said += line
    address = service_address(home)
    assert address is not None
    demo.send_signal(ending)
    demo.communicate(timeout=60)
    assert demo.returncode == (0 if ending == signal.SIGINT else 143)
    assert not Path(f"/proc/{address['pid']}").exists()
    assert service_address(home) is None


def test_the_demo_reads_back_exactly_what_it_logged(home: Path) -> None:
    said = process("demo", "--once", "--steps", "60")
    assert "✓ exact" in said
    assert "stepwell show demo/" in said
