"""A service from start to end: what it writes, what stops it, and what it says when it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from http_client import HttpClient
from making_blocks import Making
from reading_back import points_of
from serving import Service, serving
from stepwell.home import Home
from stepwell.settings import Settings
from stepwell.spool import Destination, Spool
from stepwell.stores.local import LocalStores
from stepwell.stores.migrate import LATEST
from stream_client import StreamClient, credentials
from support import service_address, wait_for


def refused(home: Path, *options: str) -> str:
    """What a service that cannot start says; it must end by itself, in error."""
    command = [
        sys.executable,
        "-m",
        "stepwell",
        "serve",
        *(options or ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "STEPWELL_HOME": str(home)}
    )
    assert done.returncode not in (0, None), done.stdout
    assert "Traceback" not in done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_the_files_of_a_service_are_its_users_alone_and_its_token_in_no_log(home: Path) -> None:
    with serving(home) as service:
        address = service_address(home)
        assert address is not None
        token = str(address["token"])
        for name in ("service.json", "token"):
            assert (home / name).stat().st_mode & 0o777 == 0o600
        assert address["pid"] == service.pid
        assert str(address["url"]).startswith("http://127.0.0.1:")
        http = HttpClient(home)
        http("GET", f"/api/v1/runs?token={token}")
        http("POST", "/api/v1/blocks", b"garbage")
        command = Path(f"/proc/{service.pid}/cmdline").read_bytes()
        assert token.encode() not in command
    assert not (home / "service.json").exists()
    logs = b"".join(path.read_bytes() for path in [home / "serve.log", *(home / "log").glob("*")])
    assert b"serving http://127.0.0.1:" in logs
    assert token.encode() not in logs
    assert (home / "token").read_text().strip() == token, "the token outlives the service"


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.thorough)])
def test_a_service_told_to_end_writes_and_acks_what_it_has_taken(home: Path, number: signal.Signals) -> None:
    making = Making()
    with serving(home, env={"STEPWELL_FLUSH_INTERVAL_S": "3600"}) as service:
        with StreamClient(*credentials(home)) as stream:
            sequences = [stream.send_block(making.block(10)) for _ in range(20)]
            http = HttpClient(home)
            wait_for(lambda: b"stepwell_queue_bytes 0.0" not in http("GET", "/metrics").body)
            wait_for(lambda: queued(http) >= 20 * 512)
            assert not stream.acked
            os.kill(service.pid, number)
            assert stream.ended.wait(30)
            assert stream.error is None
            acked = set(stream.acked)
        assert service.wait() == 0
    assert acked, "what was taken is acked"
    assert acked <= set(sequences)
    assert not (home / "service.json").exists()
    with serving(home):
        shown = {step for _, step, _ in points_of(HttpClient(home), "project", "run")}
        assert {10 * (sequence - 1) + row for sequence in acked for row in range(1, 11)} <= shown


def queued(http: HttpClient) -> float:
    lines = http("GET", "/metrics").body.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("stepwell_queue_bytes "))


def test_a_second_service_of_the_home_is_told_of_the_first_which_goes_on(home: Path) -> None:
    with serving(home) as first:
        message = refused(home)
        assert f"process {first.pid}" in message
        assert "clickhouse://" in message
        assert HttpClient(home)("GET", "/readyz").status == 200
        assert service_address(home) is not None


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("option", ["--grpc", pytest.param("--http", marks=pytest.mark.thorough)])
def test_an_asked_port_in_use_is_said_and_nothing_is_left(home: Path, taken: str, option: str) -> None:
    other = "--grpc" if option == "--http" else "--http"
    assert f"{taken} is in use" in refused(home, option, taken, other, "127.0.0.1:0")
    assert not (home / "service.json").exists()


def test_a_newer_store_is_left_alone(home: Path) -> None:
    with LocalStores(Home(home)) as stores:
        stores.metrics.command(f"INSERT INTO schema_version VALUES ({LATEST + 1}, 'future', now64(3))")
    assert f"schema {LATEST + 1}" in refused(home)


def test_a_home_that_is_a_file_is_said(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("not a folder")
    assert "STEPWELL_HOME" in refused(home)
    home.unlink()


def test_what_a_killed_service_left_does_not_hinder_the_next(home: Path) -> None:
    service = Service(home).start()
    boot = service_address(home)
    service.kill()
    assert (home / "service.json").exists()
    (home / "service.json").rename(home / "old.json")
    with serving(home):
        again = service_address(home)
        assert again
        assert boot
        assert again["boot"] != boot["boot"]
        assert again["token"] == boot["token"]


def test_an_ended_service_leaves_anothers_file_alone(home: Path) -> None:
    with serving(home) as service:
        pid = service.pid
        (home / "service.json").write_text(json.dumps({"boot": "another", "pid": pid, "url": "http://127.0.0.1:1"}))
    assert json.loads((home / "service.json").read_text())["boot"] == "another"


def test_a_spool_that_waited_is_taken_in_when_the_service_comes(home: Path) -> None:
    making = Making()
    spool = Spool.create(Home(home), Destination(), Settings(), "0123456789abcdef")
    for _ in range(3):
        first = making.row_seq + 1
        block = making.block(20)
        spool.append(making.writer, first, making.row_seq, block)
    spool.close()
    with serving(home):
        http = HttpClient(home)
        path = f"/api/v1/runs/project/{making.id}"
        wait_for(lambda: http("GET", path).status == 200)
        wait_for(lambda: len(points_of(http, "project", making.id)) == len(making.logged))
        assert points_of(http, "project", making.id) == sorted(making.logged)
