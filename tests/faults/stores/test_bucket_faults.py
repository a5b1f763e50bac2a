"""A bucket that is gone while runs are recorded: metrics go on, what was kept waits, and arrives once it is back."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

import stepwell
from agents import agent_log, wait_for_log
from components.clickhouse import ClickHouse
from components.s3_servers import S3Server
from serving import serving
from support import wait_for

SCRIPT = """
import sys
import stepwell
run = stepwell.init(project="p", id="r", settings={"capture": False, "console": False})
for step in range(100):
    run.log({"loss": 1 / (step + 1)}, step=step)
with open("ck", "wb") as file:
    file.write(b"weights" * 1000)
print(run.log_checkpoint("ck", step=99).state)
run.finish()
"""


@pytest.mark.parametrize("upload", ["service", "direct"])
def test_a_bucket_that_was_removed_costs_no_point_and_no_checkpoint(
    home: Path, tmp_path: Path, clickhouse: ClickHouse, minio_s3: S3Server, upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"gone-{uuid.uuid4().hex}"
    monkeypatch.setenv("STEPWELL_METRICS_URL", clickhouse.url(name.replace("-", "_")))
    monkeypatch.setenv("STEPWELL_BLOBS_URL", minio_s3.url(name))
    monkeypatch.setenv("STEPWELL_AGENT_LINGER_S", "60")
    monkeypatch.setenv("STEPWELL_BACKOFF_MAX_S", "0.5")
    monkeypatch.setenv("STEPWELL_FINISH_STALL_TIMEOUT_S", "1")
    monkeypatch.setenv("STEPWELL_BLOB_UPLOAD", upload)
    monkeypatch.setenv("STEPWELL_BLOB_DIRECT_BYTES_MIN", "1")
    with serving(home):
        client = minio_s3.client()
        for found in client.list_objects(name, recursive=True):
            client.remove_object(name, str(found.object_name))
        client.remove_bucket(name)
        done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, check=True, capture_output=True, text=True)
        assert done.stdout == "staged\n"
        assert "1 artifact is still to be uploaded" in done.stderr
        wait_for_log(home, "NoSuchBucket")
        assert "make it with `stepwell migrate apply`" in agent_log(home)
        assert "HTTP 507" not in agent_log(home), "it was not sent a second time, by another way"
        with stepwell.Api() as api:
            run = api.run("p/r")
            wait_for(lambda: run.history("loss").num_rows == 100, what="the points")
            assert [one.state for one in run.checkpoints()] == ["staged"]
            subprocess.run(
                [sys.executable, "-m", "stepwell", "migrate", "apply"], check=True, capture_output=True, env=os.environ
            )
            wait_for(lambda: run.refresh().checkpoints()[0].state == "complete", what="the checkpoint")
            (path,) = run.checkpoints()[0].download(tmp_path / "back")
            assert path.read_bytes() == b"weights" * 1000
