"""Every query of every dashboard on a real ClickHouse: in the shape that its panel needs, by primary key."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from grafana_backend import Frame, Value, shaped, sql_targets
from grafana_recorded import HOSTILE, IDS, PROJECT, Recorded, uuid_of

dashboards_module = pytest.importorskip("stepwell.grafana.dashboards", reason="the dashboards' SDK is not installed")


BOARDS = {name: json.loads(text) for name, text in dashboards_module.dashboards().items()}
TARGETS = [
    pytest.param(name, panel, target, id=f"{name}: {panel['title']} {panel['id']}")
    for name, board in BOARDS.items()
    for panel, target in sql_targets(board)
]
# What holds rows by the million is read by its key; the tables of runs are small and may be read whole.
LARGE = {"scalars", "texts", "histograms", "console", "fields", "events", "lasts", "system"}


def value(name: str) -> str:
    """A name as the variables' queries give it."""
    return name.replace("\\", "\\\\").replace("$", "\\x24")


def chosen(board: str, **others: Value) -> dict[str, Value]:
    several = board in ("compare", "fleet")
    return {
        "project": value(PROJECT),
        "run": [uuid_of(id) for id in IDS] if several else uuid_of("it's me"),
        "metric": value(HOSTILE),
        "histogram": "weights",
        "measure": "made_up_percent",
        "from_step": "",
        "to_step": "",
        "find": "",
        "pattern": ".*",
        **others,
    }


def numbers(kind: str) -> bool:
    return re.search(r"Int|Float", kind) is not None


def check_trend(frame: Frame, panel: dict[str, Any]) -> None:
    x = panel["options"]["xField"]
    assert numbers(frame.type_of(x))
    assert len(frame.names) > 1
    assert all(numbers(kind) for kind in frame.types)
    steps = frame.column(x)
    assert len(steps) > 2
    assert steps == sorted(set(steps)), "not ascending"


def check_timeseries(frame: Frame, panel: dict[str, Any]) -> None:
    assert frame.types[0].startswith("DateTime")
    assert len(frame.names) > 1
    assert all(numbers(kind) for kind in frame.types[1:])


def check_heatmap(frame: Frame, panel: dict[str, Any]) -> None:
    x, *bins = frame.types
    assert x.startswith("DateTime") or numbers(x)
    assert len(bins) > 2
    assert all(numbers(kind) for kind in bins)
    edges = [float(name.split(" ")[-1]) for name in frame.names[1:]]
    assert edges == sorted(set(edges))
    places = frame.column(frame.names[0])
    assert places == sorted(set(places))
    for row in frame.rows:
        assert all(isinstance(cell, (int, float)) for cell in row[1:]), "a bin is missing at some step"
    if numbers(x):
        assert len({after - before for before, after in itertools.pairwise(places)}) == 1


def check_named(frame: Frame, panel: dict[str, Any]) -> None:
    assert all(re.fullmatch(r"[a-z]\w*", name) or panel.get("transformations") for name in frame.names), frame.names


CHECKS = {
    "trend": check_trend,
    "timeseries": check_timeseries,
    "heatmap": check_heatmap,
    "table": check_named,
    "stat": check_named,
    "logs": check_named,
}


@pytest.mark.parametrize(("board", "panel", "target"), TARGETS)
def test_a_query_answers_in_the_shape_its_panel_needs(
    recorded: Recorded, board: str, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    frame = recorded.ask(target["rawSql"], chosen(board))
    assert frame.rows, "no rows"
    assert not [kind for kind in frame.types if re.search("Array|UUID|Tuple|Map", kind)], frame.types
    CHECKS[panel["type"]](shaped(frame, panel, target), panel)


@pytest.mark.parametrize(("board", "panel", "target"), TARGETS)
def test_a_query_reads_large_tables_by_their_key(
    recorded: Recorded, board: str, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    assert_by_key(recorded.explained(target["rawSql"], chosen(board)))


def assert_by_key(plan: str) -> None:
    reads = re.split(r"ReadFromMergeTree \(", plan)[1:]
    assert reads
    for read in reads:
        table = read.split(")")[0].rpartition(".")[2]
        if table in LARGE:
            key = re.search(r"PrimaryKey.*?Condition: (.*)", read, re.DOTALL)
            assert key, f"{table} is read whole:\n{plan}"
            assert key[1].split("\n")[0] != "true", f"{table} is read whole:\n{plan}"


@pytest.mark.parametrize(
    ("board", "panel", "target"), [one for one in TARGETS if one.values[0] in ("run", "compare", "fleet")]
)
def test_a_query_answers_on_two_shards_as_on_one_server(
    recorded: Recorded, recorded_on_cluster: Recorded, board: str, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    frame = recorded_on_cluster.ask(target["rawSql"], chosen(board))
    assert frame.rows, "no rows"
    CHECKS[panel["type"]](shaped(frame, panel, target), panel)
    if (
        not {kind for kind in frame.types if kind.startswith(("Date", "Nullable(Date"))}
        and "seconds" not in frame.names
    ):
        expected = recorded.ask(target["rawSql"], chosen(board))
        assert steady(frame) == steady(expected)


def steady(frame: Frame) -> list[list[Any]]:
    """Without what differs from one recording to the next."""
    rows = [row for row in frame.rows if not str(row[0]).startswith(("argv", "cwd", "pid", "started", "host", "user"))]
    return [[round(cell, 9) if isinstance(cell, float) else cell for cell in row] for row in rows]


@pytest.mark.parametrize(("board", "panel", "target"), TARGETS)
def test_with_nothing_chosen_a_query_has_no_rows_rather_than_an_error(
    recorded: Recorded, board: str, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    nothing: dict[str, Value] = {"project": "", "run": "", "metric": "", "histogram": "", "measure": ""}
    recorded.ask(target["rawSql"], chosen(board, **nothing))


# --- what the figures are


def asked(recorded: Recorded, board: str, title: str, number: int = 0, **others: Value) -> Frame:
    """Of the dashboard's panels with this title the `number`th, as its panel is handed it."""
    found = [(panel, target) for panel, target in sql_targets(BOARDS[board]) if panel["title"] == title]
    panel, target = found[number]
    return shaped(recorded.ask(target["rawSql"], chosen(board, **others)), panel, target)


def test_a_curve_is_the_mean_over_ranks_between_the_least_and_the_greatest(recorded: Recorded) -> None:
    frame = asked(recorded, "run", "$metric", metric="loss")
    assert frame.names == ["step", "mean", "least", "greatest"]
    assert frame.column("step") == list(range(0, 3000, 3)), "fewer steps than buckets: each is drawn where it is"
    for step, mean, least, greatest in frame.rows:
        if step == 300:
            assert (mean, least, greatest) == (None, None, None), "what is not finite is a gap"
        else:
            assert (least, greatest) == pytest.approx((1 / (step + 2), 1 / (step + 1)))
            assert mean == pytest.approx((least + greatest) / 2)


def test_steps_and_time_narrow_what_is_shown(recorded: Recorded) -> None:
    steps = asked(recorded, "run", "$metric", metric="loss", from_step="30", to_step="60").column("step")
    assert steps == list(range(30, 61, 3))


def test_a_heatmap_counts_every_finite_value_once(recorded: Recorded) -> None:
    for title in ("$histogram over steps", "$histogram over the clock"):
        frame = asked(recorded, "run", title)
        assert sum(sum(row[1:]) for row in frame.rows) == pytest.approx(100 * 4 * 2), "two ranks, without the NaN"
    steps = asked(recorded, "run", "$histogram over steps").column("step\\le")
    assert steps == list(range(0, 3000, 30))
    given = asked(recorded, "run", "$histogram over steps", histogram="given")
    assert sum(given.rows[0][1:]) == pytest.approx(12)
    # Three bins of 1, 2, 3 from -1 to 5, twice: of 64 equal ones the first holds 2 / (64 / 6).
    assert given.rows[0][1] == pytest.approx(12 / 64)


def test_runs_are_compared_at_common_steps_a_column_each(recorded: Recorded) -> None:
    frame = asked(recorded, "compare", "$metric", metric="loss")
    assert sorted(frame.names[1:]) == ["plain", "the run's name (it's me)", "the run's name (wide)"]
    assert frame.column("step\\run") == list(range(0, 3000, 3))
    assert frame.rows[0][1:] == [0.75] * 3
    last = asked(recorded, "compare", "Last values", metric=["loss", value(HOSTILE)])
    assert sorted(last.column("name\\run")) == sorted(["loss", HOSTILE])
    differing = asked(recorded, "compare", "Settings that differ")
    assert differing.column("name\\run") == ["lr"]


def test_figures_of_metrics_count_what_is_not_finite(recorded: Recorded) -> None:
    frame = asked(recorded, "run", "Chosen metrics", metric=["loss", value(HOSTILE)])
    assert sorted(frame.column("name")) == sorted(["loss", HOSTILE])
    (loss,) = [row for row in frame.rows if row[0] == "loss"]
    assert dict(zip(frame.names, loss, strict=True)) | {"latest": 0} == {
        "name": "loss", "points": 2000, "ranks": 2, "first": 0, "last": 2997, "latest": 0,
        "least": pytest.approx(1 / 2999), "greatest": 1, "odd": 2,
    }  # fmt: skip


def test_the_fleet_lists_runs_with_links_to_their_own_time(recorded: Recorded) -> None:
    frame = asked(recorded, "fleet", "Newest runs")
    assert sorted(frame.column("uuid")) == sorted(map(uuid_of, IDS))
    assert set(frame.column("state")) == {"finished"}
    assert set(frame.column("project_value")) == {value(PROJECT)}
    for begin, end in zip(frame.column("from_ms"), frame.column("to_ms"), strict=True):
        assert recorded.clock.start - 60_000 < begin < end < recorded.clock.end + 60_000
    assert asked(recorded, "fleet", "States").rows == [["finished", 3]]
    assert asked(recorded, "fleet", "Running now").rows == [[0]]


def test_output_names_stream_and_rank(recorded: Recorded) -> None:
    frame = asked(recorded, "run", "Newest output")
    said = {(row[1].strip(), row[2], row[3]) for row in frame.rows}
    assert {("hello from 0", "stdout", "0"), ("and a warning", "stderr", "1")} <= said


def test_a_machines_figures_are_a_series_a_device(recorded: Recorded) -> None:
    names = ["host's gpu0", "host's gpu1"]
    frame = asked(recorded, "run", "$measure")
    assert frame.names[1:] == names
    assert [row[1:] for row in frame.rows] == [[number, number] for number in range(10)]
    assert [name.removeprefix("value ") for name in asked(recorded, "run", "$measure", 1).names[1:]] == names
    assert "made_up_percent" in options(recorded, "run", "measure")


# --- variables


def variable(board: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in BOARDS[board]["templating"]["list"] if one["name"] == name]
    return dict(found)


def options(recorded: Recorded, board: str, name: str, **others: Value) -> dict[str, str]:
    """Value by text."""
    frame = recorded.ask(variable(board, name)["query"], chosen(board, **others))
    assert frame.names == ["value", "text"]
    assert all("String" in kind for kind in frame.types)
    return {text: given for given, text in frame.rows}


@pytest.mark.parametrize("board", ["run", "compare"])
def test_variables_cascade_from_project_to_run_to_metric_whatever_they_are_called(
    recorded: Recorded, board: str
) -> None:
    project = options(recorded, board, "project")[PROJECT]
    runs = options(recorded, board, "run", project=project)
    assert set(runs.values()) == set(map(uuid_of, IDS))
    run = runs["the run's name (it's me)"]
    metric = options(recorded, board, "metric", run=run)[HOSTILE]
    assert options(recorded, board, "run", project="another") == {}
    found = asked(recorded, board, "$metric", metric=metric, run=run)
    assert len(found.rows) == 1000
    assert list(options(recorded, board, "run", find="IT'S ME").values()) == [uuid_of("it's me")]


def test_histograms_are_chosen_by_name(recorded: Recorded) -> None:
    assert set(options(recorded, "run", "histogram")) == {"weights", "given"}


def test_of_a_wide_run_metrics_are_chosen_by_a_pattern_and_never_all_at_once(recorded: Recorded) -> None:
    wide = {"run": uuid_of("wide")}
    assert len(options(recorded, "run", "metric", **wide)) == 500
    assert set(options(recorded, "run", "metric", pattern="^wide/12..$", **wide)) == {
        f"wide/{number}" for number in range(1200, 1300)
    }
    for board in ("run", "compare"):
        assert variable(board, "metric")["multi"]
        assert not variable(board, "metric")["includeAll"]


QUERIED = [
    (board, one["name"])
    for board, its in BOARDS.items()
    for one in its.get("templating", {}).get("list", [])
    if one["type"] == "query"
]


@pytest.mark.parametrize(("board", "name"), QUERIED)
def test_a_variables_query_reads_large_tables_by_their_key(recorded: Recorded, board: str, name: str) -> None:
    assert_by_key(recorded.explained(variable(board, name)["query"], chosen(board)))
