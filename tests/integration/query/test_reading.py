"""What was recorded reads back exactly, the same beside the stores and over HTTP."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stepwell.errors import AuthError, BlobError, FilterError, NotFound
from stepwell.query import Run
from stepwell.query.http import HttpReader
from stepwell.query.local import LocalReader
from stepwell.query.reader import CONSOLE_SCHEMA, HISTOGRAM_SCHEMA, LONG_SCHEMA, SYSTEM_SCHEMA, Reader
from stepwell.query.records import RunKey
from stepwell.query.runs import Runs
from stepwell.query.series import SeriesAsked, decode_series, encode

RICH = RunKey("vision", "rich run #1%")
WEIGHTS = bytes(range(256)) * 9000


def rich(reader: Reader) -> Run:
    return Run(reader, reader.run(RICH), has_last=True)


def test_history_is_wide_exact_and_ascending(reader: Reader) -> None:
    table = rich(reader).history("train/loss", "val/acc", "weird")
    assert table.schema.names == ["step", "rank", "train/loss", "val/acc", "weird"]
    assert [str(kind) for kind in table.schema.types] == ["int64", "uint32", "double", "double", "double"]
    keys = list(zip(table["step"].to_pylist(), table["rank"].to_pylist(), strict=True))
    assert keys == [(0, 0), (1, 0), (2, 0), (2, 1), (3, 0), (4, 0)]
    assert table["train/loss"].to_pylist() == [1.0, 0.5, 1 / 3, 0.25, 123.0, 0.2]
    *early, last = table["val/acc"].to_pylist()
    assert early == [None, None, 0.5, None, None]
    assert math.isnan(last)
    assert struct.pack("<d", table["weird"].to_pylist()[-1]) == struct.pack("<d", -0.0)


def test_history_of_everything_renames_what_would_meet_its_own_columns(reader: Reader) -> None:
    table = rich(reader).history()
    assert table.schema.names == [
        "step", "rank", "early", "metric:rank", "repeated", "spiky", "metric:step", "train/loss", "val/acc", "weird",
    ]  # fmt: skip
    assert [value for value in table["repeated"].to_pylist() if value is not None] == [1.0, 2.0]
    assert table["step"].to_pylist()[0] == -3
    assert table["early"].to_pylist()[0] == 5e-324
    assert table["spiky"].to_pylist()[-1] == math.inf


def test_long_history_has_a_row_a_point(reader: Reader) -> None:
    table = rich(reader).history("train/loss", long=True)
    assert table.schema.equals(LONG_SCHEMA)
    assert list(zip(table["rank"].to_pylist(), table["step"].to_pylist(), strict=True)) == [
        (0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 2),
    ]  # fmt: skip
    assert table["time"].to_pylist()[0].isoformat().startswith("2026-01-01T00:00:00.")


def test_patterns_choose_metrics(reader: Reader) -> None:
    assert rich(reader).history("*a*/*").schema.names == ["step", "rank", "train/loss", "val/acc"]
    assert set(rich(reader).history("train/*", "val/*", long=True)["metric"].to_pylist()) == {"train/loss", "val/acc"}


def test_a_name_under_which_nothing_was_logged_is_a_column_of_nulls_and_a_hint(reader: Reader) -> None:
    with pytest.warns(UserWarning, match="did you mean train/loss"):
        table = rich(reader).history("train/los")
    assert (table.num_rows, table.schema.names) == (0, ["step", "rank", "train/los"])
    with pytest.warns(UserWarning, match="histogram series"):
        rich(reader).history("weights")


def test_several_runs_make_one_frame(reader: Reader) -> None:
    keys = [RunKey("vision", "failed"), RunKey("nlp", "alive"), RunKey("nlp", "no such run")]
    table = reader.history(keys, ["loss"], with_run=True).read_all()
    assert table.to_pylist() == [
        {"run": "vision/failed", "step": 0, "rank": 0, "loss": 2.0},
        {"run": "nlp/alive", "step": 10, "rank": 0, "loss": 0.5},
    ]
    long = reader.history(keys, ["loss"], long=True, with_run=True).read_all()
    assert long.select(["run", "metric", "value"]).to_pylist() == [
        {"run": "vision/failed", "metric": "loss", "value": 2.0},
        {"run": "nlp/alive", "metric": "loss", "value": 0.5},
    ]


def test_config_summary_and_names(reader: Reader) -> None:
    run = rich(reader)
    config = run.config
    assert math.isnan(config.pop("nan"))
    assert config == {
        "lr": 1e-3, "model": {"depth": 50, "name": "resnet"}, "amp": True, "layers": [64, "x", 10.5],
        "big": 2**60 + 1, "none": None, "a/b": "slash",
    }  # fmt: skip
    assert run.summary["best"] == 0.95
    assert run.summary["val/acc"] == 0.91  # the user's, not the last point's
    assert run.summary["train/loss"] == 123.0  # the last written, of rank 0
    assert (run.name, run.tags, run.notes, run.group) == ("resnet-50 ünï", ("baseline", "a b"), "first", "g")
    assert run.environment == {"host": "node1"}
    assert (run.state, run.ranks, run.attempts) == ("finished", 2, 1)


def test_metrics_tell_what_there_is(reader: Reader) -> None:
    metrics = {info.name: info for info in rich(reader).metrics}
    loss = metrics["train/loss"]
    assert (loss.kind, loss.points, loss.ranks, loss.first_step, loss.last_step) == ("scalar", 6, 2, 0, 4)
    assert (loss.last, loss.min, loss.max) == (123.0, 0.2, 123.0)
    assert (metrics["val/acc"].min, metrics["val/acc"].max) == (0.5, 0.5)
    assert (metrics["caption"].kind, metrics["caption"].last) == ("text", None)
    assert (metrics["weights"].kind, metrics["weights"].points) == ("histogram", 2)


def test_histograms_come_back_as_they_were(reader: Reader) -> None:
    assert reader.histograms(RICH, "weights").schema.equals(HISTOGRAM_SCHEMA)
    given, counted = rich(reader).histograms("weights")
    assert (given.step, given.counts, given.edges) == (0, (1, 2), (0.0, 0.5, 1.0))
    assert (counted.step, counted.count, counted.nan, counted.pos_inf, counted.neg_inf) == (1, 4, 1, 1, 0)
    assert (counted.min, counted.max, sum(counted.counts)) == (-2.0, 3.25, 4)
    assert counted.sum == 0.5 - 2.0 + 1e-3 + 3.25


def test_texts_console_and_events(reader: Reader) -> None:
    run = rich(reader)
    assert run.texts("caption")["value"].to_pylist() == ["a cat\nünï", "a dog"]
    assert reader.console(RICH).schema.equals(CONSOLE_SCHEMA)
    assert [(line.stream, line.text) for line in run.console()] == [
        ("stdout", "hello"), ("stderr", "warning"), ("stdout", "100%"),
    ]  # fmt: skip
    alert = next(event for event in run.events if event.kind == "alert")
    assert alert.body == {"text": "loss", "value": math.inf}


@pytest.mark.parametrize(
    ("metric", "device", "expected"),
    [
        ((), (), {("host", "cpu_percent"), ("nvidia0", "power_w"), ("nvidia10", "power_w")}),
        ("power_w", (), {("nvidia0", "power_w"), ("nvidia10", "power_w")}),
        ("*_w", "nvidia?", {("nvidia0", "power_w")}),
        ((), ["host", "nvidia1*"], {("host", "cpu_percent"), ("nvidia10", "power_w")}),
        ("power", (), set()),
        ("power.w", "*", set()),
    ],
)
def test_samples_of_machines(
    reader: Reader, metric: str, device: str | list[str], expected: set[tuple[str, str]]
) -> None:
    table = rich(reader).system(metric, device)
    assert table.schema.equals(SYSTEM_SCHEMA)
    rows = list(zip(*(table[name].to_pylist() for name in table.schema.names), strict=True))
    assert {(device, metric) for _, device, metric, _, _ in rows} == expected
    assert len(rows) == len(expected) * 2 * 3
    assert rows == sorted(rows)
    watts = [300.5, 301.5, 302.5] if ("nvidia0", "power_w") in expected else []
    assert [row[4] for row in rows if row[:2] == ("node2", "nvidia0")] == watts
    seconds = [(time - table["time"][0].as_py()).total_seconds() for time in table["time"].to_pylist()[:3]]
    assert seconds == ([0, 5, 10] if expected else [])


def test_the_last_figures_and_no_metrics_of_the_run(reader: Reader) -> None:
    table = reader.system(RICH, last=True)
    assert table.schema.equals(SYSTEM_SCHEMA)
    last = {("host", "cpu_percent"): 20.0, ("nvidia0", "power_w"): 302.5, ("nvidia10", "power_w"): 0.0}
    assert [(row["host"], row["device"], row["metric"], row["value"]) for row in table.to_pylist()] == [
        (host, *figure, value) for host in ("node1", "node2") for figure, value in last.items()
    ]
    assert not [info.name for info in rich(reader).metrics if "/power" in info.name or "cpu" in info.name]


def test_a_checkpoint_downloads_with_every_byte_checked(reader: Reader, folder: Path) -> None:
    stored, waiting = rich(reader).checkpoints()
    assert (stored.name, stored.step, stored.complete, stored.metadata) == ("ckpt", 4, True, {"why": "best"})
    (path,) = stored.download(folder)
    assert path == folder / "weights" / "w.bin"
    assert path.read_bytes() == WEIGHTS
    assert not waiting.complete
    with pytest.raises(NotFound, match="stepwell sync"):
        waiting.download(folder)


def test_a_damaged_blob_gives_no_file(local: LocalReader, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "blob", lambda digest: iter([WEIGHTS[:-1], b"x"]))
    stored, _ = Run(local, local.run(RICH), has_last=True).checkpoints()
    with pytest.raises(BlobError, match="damaged"):
        stored.download(folder)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (RICH, "finished"),
        (RunKey("vision", "failed"), "failed"),
        (RunKey("nlp", "crashed"), "crashed"),
        (RunKey("nlp", "alive"), "running"),  # taken for dead, and alive after all
        (RunKey("nlp", "resumed"), "finished"),  # with fewer ranks; and a crash noticed after its finish is none
        (RunKey("other", "failed"), "running"),
    ],
)
def test_a_runs_state_is_what_its_last_attempt_came_to(reader: Reader, key: RunKey, state: str) -> None:
    assert reader.run(key).state == state


@pytest.mark.parametrize(
    ("key", "rank", "answer"),
    [
        (RICH, 0, (True, 7, 100)),
        (RICH, 1, (True, 2, 100)),
        (RICH, 5, (True, None, 100)),
        (RunKey("nlp", "resumed"), 0, (True, 1, 101)),
        (RunKey("nlp", "never"), 0, (False, None, 0)),
    ],
)
def test_a_resume_learns_the_last_step(reader: Reader, key: RunKey, rank: int, answer: tuple[object, ...]) -> None:
    last = reader.last_step(key, rank)
    assert (last.exists, last.last_step, last.attempt) == answer


def test_what_does_not_exist_is_not_found(reader: Reader) -> None:
    with pytest.raises(NotFound, match="vision/nope"):
        reader.run(RunKey("vision", "nope"))
    with pytest.raises(NotFound):
        b"".join(reader.blob("0" * 64))


EVERY = ["other/failed", "nlp/resumed", "nlp/alive", "nlp/crashed", "vision/failed", "vision/rich run #1%"]
NLP = ["nlp/resumed", "nlp/alive", "nlp/crashed"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (None, EVERY),
        ("config.lr > 1e-4", ["vision/failed", "vision/rich run #1%"]),
        ("config.lr <= 0.001", ["vision/rich run #1%"]),
        ("not config.lr > 1e-4", ["other/failed", *NLP]),
        ("config.lr == None", ["other/failed", "nlp/resumed", "nlp/alive"]),
        ("config.none == None and config.lr == 0.001", ["vision/rich run #1%"]),
        ('config.lr == "adaptive"', ["nlp/crashed"]),
        ('config.lr != "adaptive"', [name for name in EVERY if name != "nlp/crashed"]),
        ('config.lr < "b"', ["nlp/crashed"]),
        ("config.model.depth in (18, 50)", ["vision/rich run #1%"]),
        ("config.amp == true and config.amp == 1", ["vision/rich run #1%"]),
        ("config.big == 1152921504606846977", ["vision/rich run #1%"]),
        ("config.big == 1152921504606846976", []),
        ('config["a/b"] == "slash"', ["vision/rich run #1%"]),
        ('"x" in config.layers and 64 in config.layers', ["vision/rich run #1%"]),
        ("65 in config.layers", []),
        ('"net" in config.model.name', ["vision/rich run #1%"]),
        ("config.nan == nan", []),
        ('summary["val/acc"] > 0.9', ["vision/rich run #1%"]),
        ('summary["val/acc"] != 0.91', EVERY[:-1]),
        ("summary.loss < 1", ["nlp/resumed", "nlp/alive"]),
        ("summary.loss > config.lr", ["vision/failed"]),
        ('state == "finished"', ["nlp/resumed", "vision/rich run #1%"]),
        ('state in ("failed", "crashed")', ["nlp/crashed", "vision/failed"]),
        ('"baseline" in tags and "a b" not in tags', ["vision/failed"]),
        ('name ~ "ÜNÏ|ünï$"', ["vision/rich run #1%"]),
        ('project == "nlp"', NLP),
        ('id == "failed" and project != "vision"', ["other/failed"]),
        ('project ~ "^n" and not (id == "alive" or id == "resumed")', ["nlp/crashed"]),
        ('created >= "2026-01-04" and created < "2026-01-06"', ["nlp/resumed", "nlp/alive"]),
        ('env.host == "node1"', ["vision/rich run #1%"]),
        ('group == "g" and notes == "first"', ["vision/rich run #1%"]),
    ],
)
def test_filters_find_the_runs_that_match(reader: Reader, filters: str | None, found: list[str]) -> None:
    assert [str(info.key) for info in reader.runs(filters=filters)] == found


@pytest.mark.parametrize(("filters", "position"), [("lr > 1", 0), ("config.lr >", 11), ('id ~ "(?=lookahead)"', 0)])
def test_a_filter_that_cannot_be_read_says_where(reader: Reader, filters: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        reader.runs(filters=filters)
    assert (caught.value.position, caught.value.text) == (position, filters)


def test_runs_are_a_list_that_shows_itself(reader: Reader) -> None:
    runs = Runs(reader, project="vision")
    assert [run.path for run in runs] == ["vision/failed", "vision/rich run #1%"]
    assert "resnet-50 ünï" in repr(runs)
    assert "2 runs" in repr(runs)
    frame = runs.to_pandas().set_index("run")
    assert frame.loc["vision/rich run #1%", "config.model.depth"] == 50
    assert frame.loc["vision/rich run #1%", "summary.best"] == 0.95
    assert frame.loc["vision/failed", "summary.loss"] == 2.0


def test_pages_and_limits(reader: Reader) -> None:
    assert [str(info.key) for info in reader.runs(limit=2, offset=1)] == EVERY[1:3]


def test_both_readers_give_equal_answers(local: LocalReader, served: Reader) -> None:
    for info in local.runs(last=True):
        assert repr(served.run(info.key)) == repr(local.run(info.key))
        assert repr(served.metrics(info.key)) == repr(local.metrics(info.key))
        assert repr(served.events(info.key)) == repr(local.events(info.key))
        assert served.artifacts(info.key) == local.artifacts(info.key)
        for long in (False, True):
            for with_run in (False, True):
                ours, theirs = (
                    reader.history([info.key], [], long=long, with_run=with_run).read_all()
                    for reader in (local, served)
                )
                assert bits(ours) == bits(theirs)
        assert served.console(info.key) == local.console(info.key)
        assert bits(served.histograms(info.key, "weights")) == bits(local.histograms(info.key, "weights"))


SERIES = [{"metric": "train/loss"}, {"metric": "val/acc"}, {"metric": "spiky"}, {"metric": "nothing"},
          {"metric": "train/loss", "x": "step"}]  # fmt: skip


@pytest.mark.parametrize("asked", SERIES, ids=[json.dumps(asked) for asked in SERIES])
def test_both_readers_give_the_same_series(asked: dict[str, str], local: LocalReader, served: Reader) -> None:
    one = SeriesAsked(str(RunKey("vision", "rich run #1%").uuid), **asked)
    [ours], [theirs] = (reader.series([one], smoothing=0.5) for reader in (local, served))
    assert (theirs.asked, theirs.shift, theirs.since, theirs.width) == (one, ours.shift, ours.since, ours.width)
    counts = ("ranks", "points", "seen", "unplaced")
    assert [getattr(theirs.extent, name) for name in counts] == [getattr(ours.extent, name) for name in counts]
    assert theirs.columns.keys() == ours.columns.keys()
    for name, values in ours.columns.items():
        np.testing.assert_allclose(theirs.columns[name], values, rtol=1e-6)


@pytest.mark.parametrize("data", [b"", b"\x04\0\0\0nope", encode([])[:3], b"\xff\xff\xff\xff{}"])
def test_an_answer_that_is_no_series_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        decode_series(data, [SeriesAsked("r", "m")])


def bits(table: pa.Table) -> list[bytes]:
    """Of the table as one batch, so that NaN equals itself and chunks make no difference."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(pa.Table.from_pylist(table.to_pylist(), table.schema))
    return [sink.getvalue().to_pybytes()]


def test_a_wrong_token_is_said_so(served: HttpReader) -> None:
    stranger = HttpReader(served.where, "another-token-of-some-length")
    with pytest.raises(AuthError, match="stepwell login"):
        stranger.runs()
    assert "another-token" not in repr(stranger)
