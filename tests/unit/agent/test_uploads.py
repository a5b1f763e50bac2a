"""Staged checkpoints on their way to the blob store."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from blake3 import blake3

from agents import GIVES_UP, agent_log, run_agent
from scripted_service import ScriptedService
from stepwell.agent import sync
from stepwell.agent.destinations import Endpoint
from stepwell.agent.plain_put import offers_plain_way
from stepwell.ids import run_uuid
from stepwell.spool import Staged
from stepwell.spool.staging import remove_orphans

FAST = {"STEPWELL_BACKOFF_MIN_S": "0.01", "STEPWELL_BACKOFF_MAX_S": "0.1"}
FILES = {"model/weights.bin": bytes(range(256)) * 20_000, "note.txt": b"hello", "empty": b""}


def stage(home: Path, name: str = "c1", mode: str = "online") -> Path:
    folder = home / "staging" / name
    for path, content in FILES.items():
        target = folder / "data" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    manifest = {
        "run": run_uuid("p", "r").hex, "project": "p", "id": "r", "writer": 7, "row_seq": 3, "rank": 0, "version": 99,
        "step": 10, "time_ms": 1, "kind": "checkpoint", "name": name, "metadata": {"epoch": 1}, "server": "",
        "mode": mode,
        "files": [{"path": path, "size": len(content)} for path, content in FILES.items()],
    }  # fmt: skip
    draft = folder / "manifest.new"
    draft.write_text(json.dumps(manifest))
    draft.rename(folder / "manifest.json")
    return folder


@pytest.mark.parametrize("by", ["grpc", "http"])
def test_a_staged_checkpoint_is_uploaded_and_removed(home: Path, by: str) -> None:
    folder = stage(home)
    with ScriptedService(home, with_grpc=by == "grpc") as service:
        service.grpc_port = service.grpc_port or 1
        service.announce()
        assert run_agent(home, env=FAST) == 0
        (commit,) = service.commits
        assert {path: service.blobs[digest] for path, digest in commit["files"].items()} == FILES
        assert commit["run"] == run_uuid("p", "r").bytes
    assert not folder.exists()


@pytest.mark.parametrize("size", [0, 1, 4 << 20, (4 << 20) + 1, (9 << 20) + 5])
def test_a_staged_file_is_named_by_the_digest_of_its_bytes(home: Path, size: int) -> None:
    folder = stage(home)
    data = os.urandom(size)
    (folder / "data" / "note.txt").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = [{"path": "note.txt", "size": size}]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert Staged.load(folder).digests() == {"note.txt": blake3(data).hexdigest()}


def test_large_blobs_go_as_plain_http_and_small_ones_by_grpc(home: Path) -> None:
    stage(home)
    with ScriptedService(home) as service:
        service.announce()
        assert run_agent(home, env=FAST) == 0
        (commit,) = service.commits
        assert {path: service.blobs[digest] for path, digest in commit["files"].items()} == FILES
        assert sorted(service.puts) == ["grpc", "grpc", "http"]


def test_where_plain_http_takes_no_large_blob_they_go_by_grpc(home: Path) -> None:
    stage(home)
    with ScriptedService(home) as service:
        service.announce()
        service.http_put_status = 413  # what a proxy says of a body that it thinks too large
        assert run_agent(home, env=FAST) == 0
        assert len(service.commits) == 1
        assert sorted(service.puts) == ["grpc", "grpc", "grpc", "http"]
    assert agent_log(home).count("HTTP 413") == 1


@pytest.mark.parametrize(
    ("url", "proxy", "offered"),
    [
        ("http://127.0.0.1:1", "http://proxy:1", True),
        ("http://service:1", "", True),
        ("http://service:1", "http://proxy:1", False),
        ("https://service", "", False),
    ],
)
def test_what_may_stand_in_between_gets_no_large_body(
    url: str, proxy: str, offered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    if proxy:
        monkeypatch.setenv("http_proxy", proxy)
    assert offers_plain_way(Endpoint(url, "service:2", None)) == offered


def test_what_the_store_has_is_not_sent_again(home: Path) -> None:
    with ScriptedService(home) as service:
        service.announce()
        stage(home)
        assert run_agent(home, env=FAST) == 0
        service.put_fails = 10_000  # a put now would not get through
        stage(home, "c2")
        assert run_agent(home, env=FAST) == 0
        assert [commit["name"] for commit in service.commits] == ["c1", "c2"]


def test_an_upload_that_fails_is_tried_again(home: Path) -> None:
    with ScriptedService(home, with_http=False) as service:
        service.announce()
        service.put_fails = 2
        stage(home)
        assert run_agent(home, env={**FAST, "STEPWELL_AGENT_LINGER_S": "20"}) == 0
        assert len(service.commits) == 1


def test_with_nobody_there_it_stays_staged(home: Path) -> None:
    folder = stage(home)
    assert run_agent(home, env={**FAST, **GIVES_UP}) == 0
    assert (folder / "manifest.json").exists()


@pytest.mark.parametrize("change", ["gone", "shorter", "longer", "link"])
def test_a_source_that_is_not_what_was_staged_is_reported(home: Path, change: str) -> None:
    folder = stage(home)
    file = folder / "data" / "note.txt"
    if change == "gone":
        file.unlink()
    elif change == "link":
        file.unlink()
        file.symlink_to("/etc/hostname")
    else:
        file.write_bytes(b"h" if change == "shorter" else b"hello, world")
    with ScriptedService(home) as service:
        service.announce()
        assert run_agent(home, env=FAST) == 0
        assert service.commits == []
    assert "note.txt" in agent_log(home)
    assert "note.txt" in Staged.load(folder).refused


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", ""])
def test_a_manifest_cannot_name_files_outside_its_folder(home: Path, path: str) -> None:
    folder = stage(home)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][0]["path"] = path
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with ScriptedService(home) as service:
        service.announce()
        assert run_agent(home, env=FAST) == 0
        assert service.commits == []
    assert "manifest" in agent_log(home)
    assert folder.exists()


def test_an_offline_checkpoint_waits_for_sync(home: Path) -> None:
    folder = stage(home, mode="offline")
    with ScriptedService(home) as service:
        service.announce()
        assert run_agent(home, env=FAST) == 0
        assert service.commits == []
        report = sync(home)
        assert (report.artifacts, report.problems) == (1, ())
        assert len(service.commits) == 1
    assert not folder.exists()


def test_copies_that_were_never_finished_are_removed_after_a_day(home: Path) -> None:
    old, fresh, whole = home / "staging" / "old", home / "staging" / "fresh", stage(home)
    for folder in (old, fresh):
        (folder / "data").mkdir(parents=True)
    for folder, _, names in os.walk(old):
        for path in (folder, *names):
            os.utime(path, (time.time() - 90_000,) * 2)
    assert remove_orphans(home / "staging", 86_400) == [old]
    assert fresh.exists()
    assert whole.exists()
