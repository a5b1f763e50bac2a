"""Images, tables and tensors through a real service into ClickHouse and MinIO, and back over HTTP bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.request import Request, urlopen

import ml_dtypes
import numpy as np
import pytest

import stepwell
from components.clickhouse import ClickHouse
from components.s3_servers import S3Server
from serving import serving
from stepwell.run.png import encode_png
from support import service_address, wait_for

# Everything that it logs can be made again from the step alone.
SCRIPT = """
import ml_dtypes, numpy as np, stepwell
run = stepwell.init(project="media", id="run", settings={"capture": False, "quiet": True})
for step in range(3):
    image = np.random.default_rng(step).integers(0, 256, (20, 30, 3), np.uint8)
    run.log({"loss": 1.0, "x": [stepwell.Image(image, "one"), stepwell.Image(image[::-1], "two")]}, step=step)
    run.log({"t": stepwell.Table(["n", "text"], [[step, "a"], [None, "b"]])}, step=step)
many = {str(n): np.random.default_rng(n).random((300, 1000)).astype(ml_dtypes.bfloat16) for n in range(40)}
run.log_tensor("many", many, step=2).wait(60)
run.log_artifact(__file__, "script")
"""


def test_media_come_back_from_servers_bit_for_bit(
    home: Path, tmp_path: Path, clickhouse: ClickHouse, minio_s3: S3Server
) -> None:
    name = f"media{uuid.uuid4().hex}"
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    stores = {"STEPWELL_METRICS_URL": clickhouse.url(name), "STEPWELL_BLOBS_URL": minio_s3.url(name)}
    with serving(home, env=stores):
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        with stepwell.Api() as api:
            run = api.run("media/run")

            def all_in() -> bool:
                media = [*run.images(), *run.tables(), *run.tensors(), *run.artifacts()]
                return len(media) == 6 + 3 + 1 + 1 and all(one.complete for one in media)

            wait_for(all_in, what="all of it in the stores")
            for image in run.images("x"):
                pixels = np.random.default_rng(image.step).integers(0, 256, (20, 30, 3), np.uint8)
                assert image.data() == encode_png(np.ascontiguousarray(pixels[::-1] if image.index else pixels))
                assert image.caption == ("two" if image.index else "one")
            assert [table.to_arrow().to_pydict() for table in run.tables("t")] == [
                {"n": [step, None], "text": ["a", "b"]} for step in range(3)
            ]
            (kept,) = run.tensors("many")
            for number in (0, 17, 39):
                wanted = np.random.default_rng(number).random((300, 1000)).astype(ml_dtypes.bfloat16)
                back = kept.load(str(number))
                assert (back.dtype, back.tobytes()) == (wanted.dtype, wanted.tobytes())
            assert [one.name for one in run.artifacts()] == ["script"]
            image, script = run.images("x")[0], run.artifacts()[0].files[0]
        address = service_address(home)
        assert address is not None
        url, headers = f"{address['url']}/api/v1", {"Authorization": f"Bearer {address['token']}"}
        with urlopen(Request(f"{url}/blobs/{image.file.digest}/image", headers=headers)) as reply:
            assert reply.headers["Content-Type"] == "image/png"
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in reply.headers["Content-Security-Policy"]
            assert reply.read() == image.data()
        with pytest.raises(OSError, match="415"):
            urlopen(Request(f"{url}/blobs/{script.digest}/image", headers=headers))
        with urlopen(Request(f"{url}/runs/media/run/media?kind=table&name=t", headers=headers)) as reply:
            assert [one["step"] for one in json.load(reply)["media"]] == [0, 1, 2]
        with urlopen(Request(f"{url}/runs/media/run/table?name=t&step=1", headers=headers)) as reply:
            rows = {"columns": ["n", "text"], "rows": [["1", "a"], [None, "b"]], "total": 2}
            assert json.load(reply) == rows
        with pytest.raises(OSError, match="404"):
            urlopen(Request(f"{url}/runs/media/run/table?name=t&step=7", headers=headers))
        with pytest.raises(OSError, match="422"):
            urlopen(Request(f"{url}/runs/media/run/media?kind=script", headers=headers))
