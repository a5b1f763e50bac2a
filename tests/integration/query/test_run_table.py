"""The table of runs in columns says of every run what the reader says of it, and sends nothing that was not asked."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from stepwell.errors import FilterError
from stepwell.query.comparison import comparison
from stepwell.query.local import LocalReader
from stepwell.query.overview import find_runs
from stepwell.query.records import RunKey
from stepwell.query.run_table import STATES, TableAsked, column_names, run_table
from stepwell.stores.local import LocalStores

KINDS = {"f64": "<f8", "f32": "<f4", "u32": "<u4", "u16": "<u2"}


class Table:
    """A payload as the page reads it."""

    def __init__(self, payload: bytes) -> None:
        length = int.from_bytes(payload[:4], "little")
        header = json.loads(payload[4 : 4 + length])
        self.body = header["body"]
        self._arrays = [
            np.frombuffer(payload, KINDS[kind], items, 4 + length + offset) for kind, items, offset in header["arrays"]
        ]

    @property
    def ids(self) -> list[str]:
        return list(self.body["ids"])

    def array(self, name: str) -> list[Any]:
        return self._arrays[self.body[name]].tolist()  # type: ignore[no-any-return]

    def column(self, name: str) -> dict[str, Any]:
        """By id; what is not set is not in it."""
        column = self.body["columns"][name]
        if "codes" in column:
            codes = self._arrays[column["codes"]]
            texts = [None, *(json.loads(text) for text in column["texts"])]
            return {id: texts[code] for id, code in zip(self.ids, codes, strict=True) if code}
        unset = set(self._arrays[column["unset"]].tolist())
        numbers = self._arrays[column["numbers"]].tolist()
        return {id: value for row, (id, value) in enumerate(zip(self.ids, numbers, strict=True)) if row not in unset}


def ask(stores: LocalStores, project: str, *columns: str, **more: Any) -> Table:
    return Table(run_table(stores.metrics, TableAsked(project, columns=columns, **more)))


def test_rows_states_and_times_are_those_of_the_reader(stores: LocalStores, local: LocalReader) -> None:
    for project in ("vision", "nlp", "other"):
        table = ask(stores, project)
        infos = local.runs(project=project)
        assert table.ids == [info.key.id for info in infos]
        assert [STATES[code] for code in table.array("state")] == [info.state for info in infos]
        assert table.array("ranks") == [info.ranks for info in infos]
        told = zip(table.array("started"), table.array("ended"), infos, strict=True)
        for started, ended, info in told:
            assert info.started is not None
            assert started == info.started.timestamp() * 1000
            assert math.isnan(ended) if info.ended is None else ended == info.ended.timestamp() * 1000
        assert (table.body["total"], table.body["found"]) == (len(infos), len(infos))


RICH = "rich run #1%"
CELLS = {
    "config/lr": {RICH: 1e-3, "failed": 0.1},
    "config/model/depth": {RICH: 50},
    "config/model/name": {RICH: "resnet"},
    "config/amp": {RICH: True},
    "config/layers": {RICH: [64, "x", 10.5]},
    "config/big": {RICH: 2**60 + 1},
    "config/none": {RICH: None},
    "summary/best": {RICH: 0.95},
    "env/host": {RICH: "node1"},
    "metric/train/loss": {RICH: 123.0},
    "metric/early": {RICH: 5e-324},
    "metric/loss": {"failed": 2.0},
    "metric/nothing": {},
    "config/nothing": {},
    "name": {RICH: "resnet-50 ünï"},
    "tags": {RICH: ["baseline", "a b"], "failed": ["baseline"]},
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_come_as_they_were_recorded(stores: LocalStores, name: str) -> None:
    assert ask(stores, "vision", name).column(name) == CELLS[name]


def test_non_finite_cells_are_not_unset_ones(stores: LocalStores) -> None:
    table = ask(stores, "vision", "config/nan", "metric/val/acc", "metric/spiky")
    assert math.isnan(table.column("config/nan")[RICH])
    assert math.isnan(table.column("metric/val/acc")[RICH])
    assert table.column("metric/spiky") == {RICH: math.inf}


def test_only_what_is_asked_for_is_sent(stores: LocalStores) -> None:
    known = set(ask(stores, "vision").body["columns"])
    assert set(ask(stores, "vision", "config/lr").body["columns"]) == known | {"config/lr"}
    assert not any(name.startswith(("config/", "metric/")) for name in known)


def test_columns_are_named_with_whether_runs_differ_in_them(stores: LocalStores) -> None:
    names = column_names(stores.metrics, "vision")
    fields = {key: (differs, runs) for key, differs, runs in names["fields"]}
    assert fields["config/lr"] == (True, 2)
    assert fields["config/model/depth"] == (False, 1)
    assert "env/host" not in fields
    assert {"train/loss", "val/acc", "loss"} <= set(names["metrics"])


def test_a_filter_and_a_limit_say_how_many_there_are(stores: LocalStores) -> None:
    table = ask(stores, "vision", filters="config.lr > 0.01")
    assert (table.ids, table.body["found"], table.body["total"]) == (["failed"], 1, 2)
    table = ask(stores, "vision", limit=1)
    assert (len(table.ids), table.body["found"], table.body["total"]) == (1, 2, 2)
    for project, filters in (("vision", "config.lr > 9"), ("none of that name", None)):
        table = ask(stores, project, "config/lr", filters=filters)
        assert (table.ids, table.body["found"], table.column("config/lr")) == ([], 0, {})
    with pytest.raises(FilterError):
        ask(stores, "vision", filters="config.lr >")


def test_changes_are_runs_that_run_and_those_heard_of_since(stores: LocalStores) -> None:
    table = ask(stores, "nlp")
    running = {id for id, code in zip(table.ids, table.array("state"), strict=True) if STATES[code] == "running"}
    assert running == {"alive"}
    last = 1_767_225_600_000 + 5 * 86_400_000  # when `resumed` began again
    assert set(ask(stores, "nlp", since=last).ids) == {"alive", "resumed"}
    assert set(ask(stores, "nlp", since=0).ids) == {"alive", "resumed", "crashed"}


@pytest.mark.parametrize("few", [1000, 0], ids=["named", "of the project"])
@pytest.mark.parametrize("since", [0, 1_767_225_600_000 + 5 * 86_400_000])
def test_of_what_changed_all_is_told_that_the_whole_table_tells(
    stores: LocalStores, monkeypatch: pytest.MonkeyPatch, few: int, since: int
) -> None:
    monkeypatch.setattr("stepwell.query.run_table._FEW", few)
    columns = ("config/lr", "metric/loss")
    whole, part = ask(stores, "nlp", *columns), ask(stores, "nlp", *columns, since=since)
    assert part.ids
    for name in ("name", "tags", *columns):
        told = whole.column(name)
        assert part.column(name) == {id: told[id] for id in part.ids if id in told}, name
    for name in ("state", "created", "started", "ended", "ranks"):
        told = dict(zip(whole.ids, whole.array(name), strict=True))
        np.testing.assert_equal(list(part.array(name)), [told[id] for id in part.ids], name)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", {RICH, "failed"}),
        ("RESNET", {RICH}),
        ("ÜNÏ resnet", {RICH}),
        ("baseline", {RICH, "failed"}),
        ("baseline fail", {"failed"}),
        ("%", {RICH}),
        ("nothing", set()),
    ],
)
def test_runs_are_found_by_words(stores: LocalStores, text: str, ids: set[str]) -> None:
    found = find_runs(stores.metrics, "vision", text)
    assert {row["id"] for row in found["runs"]} == ids
    assert found["found"] == len(ids)
    assert find_runs(stores.metrics, "vision", text, limit=1)["found"] == len(ids)


def test_a_comparison_says_what_each_metric_came_to(stores: LocalStores) -> None:
    runs = [str(RunKey("vision", id).uuid) for id in (RICH, "failed")]
    metrics = {row["name"]: row["runs"] for row in comparison(stores.metrics, runs, at=2)}
    loss = metrics["train/loss"][runs[0]]
    assert loss == {"last": 123.0, "min": 0.2, "max": 123.0, "step": 4, "points": 5, "at": 1 / 3, "at_step": 2}
    assert metrics["loss"] == {
        runs[1]: {"last": 2.0, "min": 2.0, "max": 2.0, "step": 0, "points": 1, "at": 2.0, "at_step": 0}
    }
    assert metrics["val/acc"][runs[0]]["last"] == "NaN"
    assert metrics["val/acc"][runs[0]]["min"] == 0.5
    assert metrics["spiky"][runs[0]]["at"] is None
    assert metrics["spiky"][runs[0]]["max"] == "Infinity"
    whole = {row["name"]: row["runs"] for row in comparison(stores.metrics, runs)}
    assert whole["train/loss"][runs[0]]["at_step"] == 4
    assert comparison(stores.metrics, [str(RunKey("vision", "nobody").uuid)]) == []
