"""Runs put into real embedded stores by hand-made blocks, read beside the stores and over HTTP."""

from __future__ import annotations

import json
import math
import struct
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from blake3 import blake3

from making_blocks import Making
from stepwell import _core
from stepwell.blocks import seal
from stepwell.home import Home
from stepwell.ids import version_of
from stepwell.query.http import HttpReader
from stepwell.query.local import LocalReader
from stepwell.query.reader import Reader
from stepwell.query.records import RunKey
from stepwell.service.app import Info, create_app
from stepwell.service.auth import Token
from stepwell.service.figures import Figures
from stepwell.service.http_blobs import blob_router
from stepwell.service.page_api import page_router
from stepwell.service.reading import reading_router
from stepwell.service.retention_api import retention_router
from stepwell.settings import Settings
from stepwell.stores.artifacts import ArtifactCommit, ArtifactFile
from stepwell.stores.local import LocalStores
from support import wait_for

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TOKEN = "a-token-of-some-length"
WEIGHTS = bytes(range(256)) * 9000


class Writing:
    """One process of a run: what it does lands in the stores when `done` is called."""

    def __init__(self, key: RunKey, *, rank: int = 0, attempt: int = 100, writer: int = 1, day: int = 0) -> None:
        self.key, self.rank, self.attempt, self.writer = key, rank, attempt, writer
        self.start_ms = START_MS + day * 86_400_000
        self.row_seq = 0
        self.builder = _core.BlockBuilder(
            project=key.project, id=key.id, run=key.uuid.bytes, rank=rank, attempt=attempt, writer=writer,
            created_ms=self.start_ms,
        )  # fmt: skip
        self.event("start")

    @property
    def now_ms(self) -> int:
        return self.start_ms + self.row_seq * 10

    def row(self, step: int, at: int = 0, **values: float) -> Writing:
        return self.named(step, values, at)

    def named(self, step: int, values: Mapping[str, float], at: int = 0) -> Writing:
        self.row_seq += 1
        self.builder.add_row(list(values.items()), self.row_seq, step, self.now_ms, at)
        return self

    def record(self, kind: int, *parts: str | bytes, step: int = 0) -> Writing:
        self.row_seq += 1
        encoded = tuple(part if isinstance(part, bytes) else part.encode() for part in parts)
        self.builder.add_record(kind, encoded, self.row_seq, step, self.now_ms)
        return self

    def event(self, kind: str, **body: Any) -> Writing:
        return self.record(_core.KIND_EVENT, kind, json.dumps(body))

    def field(self, key: str, value: Any) -> Writing:
        number = struct.pack("<d", float(value)) if isinstance(value, (bool, int, float)) else b""
        return self.record(_core.KIND_FIELD, key, json.dumps(value), "user", number)

    def done(self, stores: LocalStores) -> None:
        (outcome,) = stores.ingest.write([seal(self.builder, 3)])
        assert outcome.ok, outcome.message


def record_everything(stores: LocalStores) -> None:
    rich = RunKey("vision", "rich run #1%")
    main = Writing(rich, writer=11)
    main.field("name", "resnet-50 ünï").field("tags", ["baseline", "a b"]).field("notes", "first").field("group", "g")
    main.field("config/lr", 1e-3).field("config/model/depth", 50).field("config/model/name", "resnet").field(
        "config/amp", True
    )
    main.field("config/layers", [64, "x", 10.5]).field("config/big", 2**60 + 1).field("config/none", None)
    main.field("config/a~1b", "slash").field("config/nan", math.nan)
    main.field("summary/best", 0.95).field("summary/val~1acc", 0.91).field("env/host", "node1")
    for step in range(5):
        main.named(step, {"train/loss": 1 / (step + 1), "step": float(step)})
    main.named(2, {"val/acc": 0.5}).named(4, {"val/acc": math.nan, "weird": -0.0})
    main.row(7, spiky=math.inf).row(-3, early=5e-324)
    main.row(1, at=10, repeated=1.0).row(1, at=20, repeated=2.0)
    main.named(3, {"train/loss": 123.0})  # the same step again: this one is seen
    main.record(_core.KIND_TEXT, "caption", "a cat\nünï", step=2).record(_core.KIND_TEXT, "caption", "a dog", step=4)
    values = [0.5, -2.0, math.nan, math.inf, 1e-3, 3.25]
    main.record(_core.KIND_HISTOGRAM, "weights", _core.histogram(np.array(values)), step=1)
    main.record(_core.KIND_HISTOGRAM, "weights", _core.histogram_counts([1, 2], [0.0, 0.5, 1.0]), step=0)
    main.record(_core.KIND_CONSOLE, "1", "hello\n10%").record(_core.KIND_CONSOLE, "2", "warning\n")
    main.record(_core.KIND_CONSOLE, "1", "\r100%\n")
    digest = blake3(WEIGHTS).hexdigest()
    files = json.dumps([{"path": "weights/w.bin", "size": len(WEIGHTS)}])
    main.record(_core.KIND_CHECKPOINT, "checkpoint", "ckpt", files, '{"why": "best"}', str(len(WEIGHTS)), step=4)
    announced = main.row_seq
    main.record(_core.KIND_CHECKPOINT, "checkpoint", "waiting", files, "{}", str(len(WEIGHTS)), step=5)
    main.event("alert", text="loss", value=math.inf).event("finish", exit_code=0)
    main.done(stores)
    Writing(rich, rank=1, writer=12).named(2, {"train/loss": 0.25, "rank": 1.0}).event("finish", exit_code=0).done(
        stores
    )
    stores.blobs.put([WEIGHTS], digest, len(WEIGHTS))
    stores.ingest.commit_artifact(
        ArtifactCommit(
            rich.project, rich.id, rich.uuid.bytes, 11, announced, 0, version_of(100, announced), 4, START_MS,
            "checkpoint", "ckpt", '{"why": "best"}', (ArtifactFile("weights/w.bin", digest, len(WEIGHTS)),),
        )
    )  # fmt: skip
    for host in ("node2", "node1"):
        agent = Making(rich.project, rich.id, writer=ord(host[-1]), attempt=100)
        for number in range(3):
            figures = {"host/cpu_percent": 10.0 * number, "nvidia0/power_w": 300.5 + number, "nvidia10/power_w": -0.0}
            block = agent.samples(host, figures, 5000 * number)
            assert all(outcome.ok for outcome in stores.ingest.write([block, block]))  # it comes twice
    failed = Writing(RunKey("vision", "failed"), writer=21, day=1)
    failed.field("config/lr", 0.1).field("tags", ["baseline"]).row(0, loss=2.0).event("finish", exit_code=3).done(
        stores
    )
    crashed = Writing(RunKey("nlp", "crashed"), writer=31, day=2)
    crashed.field("config/lr", "adaptive").row(0, loss=1.0).event("crash", pid=1).done(stores)
    revived = Writing(RunKey("nlp", "alive"), writer=41, day=3)
    revived.event("crash").event("alive").row(10, loss=0.5).done(stores)
    resumed = RunKey("nlp", "resumed")
    for rank in range(3):
        Writing(resumed, rank=rank, writer=50 + rank, day=4).row(0, loss=9.0).event("crash").done(stores)
    again = Writing(resumed, attempt=101, writer=59, day=5)
    again.row(1, loss=0.1).event("finish", exit_code=0).event("crash").done(stores)
    Writing(RunKey("other", "failed"), writer=61, day=6).done(stores)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStores]:
    with LocalStores(Home(tmp_path_factory.mktemp("reading") / "home")) as stores:
        record_everything(stores)
        yield stores


@pytest.fixture(scope="module")
def local(stores: LocalStores) -> LocalReader:
    return LocalReader(stores.metrics, stores.blobs)


@pytest.fixture(scope="module")
def served(local: LocalReader, stores: LocalStores) -> Iterator[HttpReader]:
    figures = Figures()
    app = create_app(
        info=Info("0", "", "boot"),
        routers=[
            reading_router(local),
            page_router(stores.metrics),
            retention_router(local.retention),
            blob_router(stores.blobs, Settings(), figures),
        ],
        check=lambda: None,
        figures=figures,
        token=Token(TOKEN),
        hosts=None,
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started, what="uvicorn to start")
    port = server.servers[0].sockets[0].getsockname()[1]
    reader = HttpReader(f"http://127.0.0.1:{port}", TOKEN)
    yield reader
    reader.close()
    server.should_exit = True
    thread.join(30)


@pytest.fixture(params=["local", "http"])
def reader(request: pytest.FixtureRequest) -> Reader:
    """Both of them, in turn: every test here holds for either."""
    return request.getfixturevalue({"local": "local", "http": "served"}[request.param])  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "downloads"
