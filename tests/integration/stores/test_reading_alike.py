"""What every question of the query room answers is the same from chDB, a server and two shards."""

from __future__ import annotations

import itertools
import re
import struct
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from components.clickhouse import ClickHouse
from components.cluster import ClickHouseCluster
from making_blocks import Making
from stepwell import _core
from stepwell.ids import run_uuid
from stepwell.query import (
    attempts,
    changes,
    chart_rows,
    console_page,
    heatmap,
    opening,
    overview,
    points,
    ranks,
    run_table,
)
from stepwell.query.local import LocalReader
from stepwell.query.records import RunKey
from stepwell.query.series import SeriesAsked, encode, series
from stepwell.stores.blobs import open_blobs
from stepwell.stores.ingest import Ingest
from stepwell.stores.metrics import MetricStore, open_metrics

IDS = [f"run{number}" for number in range(6)]
UUIDS = [str(run_uuid("project", id)) for id in IDS]


def blocks() -> list[bytes]:
    """Six runs (so that both shards have some), of which one is long, one has two ranks and one was rewound."""
    made = []
    for number, id in enumerate(IDS):
        making = Making(id=id, writer=number + 1)
        values = memoryview(struct.pack("4d", number, 2.0, float("nan"), -3.0)).cast("d")
        fields = {"config/lr": f"{number / 8}", "config/name": f'"{id}"', "name": f'"the {id}"', "tags": '["a"]'}
        made.append(
            making.records(
                (_core.KIND_EVENT, (b"start", b"{}")),
                *(
                    (_core.KIND_FIELD, (key.encode(), text.encode(), b"user", struct.pack("<d", number / 8)))
                    for key, text in fields.items()
                ),
                (_core.KIND_CONSOLE, (b"1", b"a line\n")),
                (_core.KIND_TEXT, (b"sample", b"a text")),
                (_core.KIND_CHECKPOINT, (b"checkpoint", b"last", b'[{"path":"a","size":5}]', b"{}", b"5")),
            )
        )
        made += [making.records((_core.KIND_HISTOGRAM, (b"weights", _core.histogram(values)))) for _ in range(5)]
        made.append(making.block(4000 if number == 0 else 30, ("loss", "val/acc")))
        made.append(making.samples("node1", {"host/load_1m": number, "nvidia0/power_w": 300.5}, 5))
        made.append(making.records((_core.KIND_EVENT, (b"finish", b"{}"))))
    made.append(Making(id=IDS[1], writer=101, rank=1).block(40, ("loss",)))
    rewound = Making(id=IDS[2], writer=102, attempt=2000, row_seq=10)
    made += [rewound.records((_core.KIND_EVENT, (b"rewind", b"{}"))), rewound.block(3, ("loss",))]
    return made


@pytest.fixture(scope="module")
def stores(
    tmp_path_factory: pytest.TempPathFactory, clickhouse: ClickHouse, clickhouse_cluster: ClickHouseCluster
) -> dict[str, MetricStore]:
    folder = tmp_path_factory.mktemp("alike")
    name = f"alike_{uuid.uuid4().hex}"
    urls = {
        "embedded": f"chdb://{folder}/metrics",
        "server": clickhouse.url(name),
        "cluster": clickhouse_cluster.url(name),
    }
    opened = {}
    data = blocks()
    for kind, url in urls.items():
        opened[kind] = store = open_metrics(url)
        store.migrate()
        for _ in range(2):  # delivered twice
            outcomes = Ingest(store, open_blobs(f"file://{folder}/blobs")).write(data)
            assert [outcome.reason for outcome in outcomes] == [None] * len(data)
    return opened


@pytest.fixture(scope="module", autouse=True)
def closed(stores: dict[str, MetricStore]) -> Any:
    yield
    for store in stores.values():
        store.close()


class NoBlobs:
    """Of a reader whose blobs are not asked for."""

    def has(self, digest: str) -> bool:
        raise AssertionError(digest)

    def open(self, digest: str) -> Any:
        raise AssertionError(digest)


def reader(store: MetricStore) -> LocalReader:
    return LocalReader(store, NoBlobs())


def each(ask: Callable[[LocalReader, RunKey], Any]) -> Callable[[MetricStore], Any]:
    """The same question about every run."""

    def answers(store: MetricStore) -> Any:
        asked = reader(store)
        return [ask(asked, RunKey("project", id)) for id in IDS]

    return answers


def table(**asked: Any) -> Callable[[MetricStore], Any]:
    def answer(store: MetricStore) -> Any:
        payload = run_table.run_table(store, run_table.TableAsked("project", **asked))
        return re.sub(rb'"now":\d+', b"", payload)

    return answer


def news(store: MetricStore) -> Any:
    """Without the counts of points: those of repeats are in them until parts are merged."""
    cursor = changes.Cursor()
    found = changes.news(store, UUIDS, cursor)
    caught_up = changes.Cursor()
    changes.catch_up(store, UUIDS, caught_up)
    assert caught_up == cursor, "it stands where one stands that has read every point"
    return [sorted(found), sorted(cursor.seen.items()), changes.news(store, UUIDS, cursor)]


def charts(**options: Any) -> Callable[[MetricStore], bytes]:
    asked = [SeriesAsked(run, metric, **options) for run in UUIDS for metric in ("loss", "val/acc", "none")]
    return lambda store: encode(series(store, asked, buckets=64, smoothing=0.5))


QUESTIONS: dict[str, Callable[[MetricStore], Any]] = {
    "runs": lambda store: reader(store).runs(project="project", last=True),
    "runs filtered": lambda store: reader(store).runs(
        filters='config.lr > 0.2 and summary["loss"] > 0 and state == "finished"'
    ),
    "runs by a comparison of two": lambda store: reader(store).runs(filters="config.lr < summary.loss"),
    "a run": each(lambda asked, key: asked.run(key)),
    "samples": each(lambda asked, key: asked.system(key, ["power*"], ["nvidia0"]).to_pylist()),
    "last samples": each(lambda asked, key: asked.system(key, last=True).to_pylist()),
    "metrics": each(lambda asked, key: asked.metrics(key)),
    "history": each(lambda asked, key: asked.history([key], ["loss", "val/acc"]).read_all().to_pylist()),
    "history, long": each(lambda asked, key: asked.history([key], ["loss"], long=True).read_all().to_pylist()),
    "histories": lambda store: (
        reader(store).history([RunKey("project", id) for id in IDS], ["loss"], with_run=True).read_all().to_pylist()
    ),
    "texts": each(lambda asked, key: asked.texts(key, "sample").to_pylist()),
    "histograms": each(lambda asked, key: asked.histograms(key, "weights").to_pylist()),
    "console": each(lambda asked, key: asked.console(key).to_pylist()),
    "events": each(lambda asked, key: asked.events(key)),
    "artifacts": each(lambda asked, key: asked.artifacts(key)),
    "last step": each(lambda asked, key: [asked.last_step(key, rank) for rank in (0, 1)]),
    "charts": charts(),
    "charts of a part": charts(low=5, high=20),
    "charts over time": charts(by_time=True),
    "charts over another metric": charts(x="val/acc"),
    "a chart of a group": lambda store: encode(series(store, [SeriesAsked("all", "loss", members=tuple(UUIDS))])),
    "the table of runs": table(columns=("config/lr", "name", "metric/loss")),
    "the table of runs, filtered": table(filters="config.lr >= 0.25", columns=("metric/val/acc",)),
    "what changed in the table": table(since=1),
    "columns": lambda store: run_table.column_names(store, "project"),
    "projects": overview.projects,
    "runs found by words": lambda store: overview.find_runs(store, "project", "the run1"),
    "metric lists": lambda store: [overview.metric_list(store, run) for run in UUIDS],
    "newest texts": lambda store: overview.text_series(store, UUIDS[0], "sample"),
    "the opening of a page": lambda store: opening.opening(store, "project", IDS),
    "heatmaps": lambda store: [heatmap.heatmap(store, run, "weights") for run in UUIDS],
    "ranks": lambda store: [ranks.rank_matrix(store, run, "loss") for run in UUIDS],
    "attempts": lambda store: attempts.attempts(store, UUIDS),
    "first steps": lambda store: sorted(attempts.first_steps(store, UUIDS).items()),
    "pages of output": lambda store: [console_page.console_page(store, run, {}) for run in UUIDS],
    "points as CSV": lambda store: b"".join(chart_rows.chart_csv(store, UUIDS, "loss")),
    "what is new": news,
    "states": lambda store: sorted(changes.states_of(store, UUIDS).items()),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_every_kind_of_store_gives_the_same_answer(
    stores: dict[str, MetricStore], question: Callable[[MetricStore], Any]
) -> None:
    expected = str(question(stores["embedded"]))
    assert len(expected) > 4
    for kind in ("server", "cluster"):
        assert str(question(stores[kind])) == expected, kind


HELD = {"embedded": 1, "server": 100, "cluster": points.HELD_POINTS}  # by default; each with each is thorough


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        pytest.param(kind, held, marks=[] if HELD[kind] == held else pytest.mark.thorough)
        for kind, held in itertools.product(HELD, HELD.values())
    ],
)
def test_runs_read_together_have_the_points_of_each_alone(
    stores: dict[str, MetricStore], kind: str, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which one was rewound, one is larger than is held, one is not there and one is asked for again."""
    asked = reader(stores[kind])
    keys = [RunKey("project", id) for id in (*reversed(IDS), "none", IDS[3])]
    monkeypatch.setattr(points, "HELD_POINTS", held)
    for metrics, names in (([], ["loss", "val/acc"]), (["val/acc"], ["val/acc"]), (["l*", "none"], ["loss", "none"])):
        for long in (True, False):
            together = asked.history(keys, metrics, long=long, with_run=True).read_all()
            alone = [asked.history([key], names, long=long, with_run=True).read_all() for key in keys]
            assert together.num_rows > 4000
            assert str(together.to_pylist()) == str(pa.concat_tables(alone).to_pylist())  # a NaN equals none
