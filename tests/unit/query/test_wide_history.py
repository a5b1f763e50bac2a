"""The wide table: one row a (step, rank), null where nothing was logged, every bit as it was."""

from __future__ import annotations

import math
import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.query.history import Key, Repeated, chosen, column_name, history_schema, once, widen

KEY_COLUMNS = ("metric", "rank", "step", "at")


def points(rows: list[tuple[str, int, int, int, float]]) -> pa.Table:
    """As the store gives them: ordered by metric, rank, step, at; names as a dictionary."""
    rows = sorted(rows, key=lambda row: row[:4])
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    names = pa.array(columns[0], pa.string()).dictionary_encode()
    return pa.table(
        {
            "metric": names,
            "rank": pa.array(columns[1], pa.uint32()),
            "step": pa.array(columns[2], pa.int64()),
            "at": pa.array(columns[3], pa.int64()),
            "value": pa.array(columns[4], pa.float64()),
        }
    )


def test_metrics_logged_at_different_steps_leave_nulls_and_nan_stays_nan() -> None:
    table = widen(points([("a", 0, 0, 0, 1.0), ("a", 0, 2, 0, math.nan), ("b", 0, 1, 0, 5.0)]).to_batches(), ["a", "b"])
    assert table["step"].to_pylist() == [0, 1, 2]
    assert table["b"].to_pylist() == [None, 5.0, None]
    first, nothing, nan = table["a"].to_pylist()
    assert (first, nothing) == (1.0, None)
    assert math.isnan(nan)


def test_rows_ascend_by_step_then_rank() -> None:
    table = widen(
        points([("a", rank, step, 0, rank + step / 10) for rank in (1, 0) for step in (3, -2, 1)]).to_batches(), ["a"]
    )
    assert list(zip(table["step"].to_pylist(), table["rank"].to_pylist(), strict=True)) == [
        (-2, 0), (-2, 1), (1, 0), (1, 1), (3, 0), (3, 1),
    ]  # fmt: skip


def test_points_whose_steps_repeat_are_rows_of_their_own() -> None:
    table = widen(points([("a", 0, 1, 20, 2.0), ("a", 0, 1, 10, 1.0), ("b", 0, 1, 10, 7.0)]).to_batches(), ["a", "b"])
    assert table.select(["a", "b"]).to_pylist() == [{"a": 1.0, "b": 7.0}, {"a": 2.0, "b": None}]


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_a_point_that_is_there_twice_is_no_row_of_its_own(batch_rows: int) -> None:
    rows = [("a", 0, 1, 0, 1.0), ("a", 0, 1, 0, 2.0), ("b", 0, 1, 0, 7.0)]
    with pytest.raises(Repeated):
        widen(points(rows).to_batches(max_chunksize=batch_rows), ["a", "b"])


def test_a_metric_without_points_is_a_column_of_nulls() -> None:
    assert widen(points([("a", 0, 0, 0, 1.0)]).to_batches(), ["a", "gone"])["gone"].to_pylist() == [None]
    assert widen(points([]).to_batches(), ["gone"]).schema == history_schema(["gone"], long=False, with_run=False)


@pytest.mark.parametrize(
    ("metric", "column"),
    [("loss", "loss"), ("step", "metric:step"), ("rank", "metric:rank"), ("run", "metric:run"),
     ("metric:step", "metric:metric:step"), ("metric:loss", "metric:loss"), ("steps", "steps")],
)  # fmt: skip
def test_a_metric_never_takes_the_tables_own_columns(metric: str, column: str) -> None:
    assert column_name(metric) == column


@given(st.lists(st.sampled_from(["step", "rank", "run", "metric:step", "metric:metric:step", "a"]), unique=True))
def test_two_metrics_never_share_a_column(metrics: list[str]) -> None:
    assert len({column_name(name) for name in metrics}) == len(metrics)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ([], ["a*", "acc[0]", "train/loss", "val/loss"]),
        (["val/loss", "train/loss"], ["val/loss", "train/loss"]),
        (["*/loss"], ["train/loss", "val/loss"]),
        (["val/*", "*loss"], ["val/loss", "train/loss"]),
        (["acc[?]"], ["acc[0]"]),
        (["a*"], ["a*"]),
        (["nope", "nope*"], ["nope"]),
    ],
)
def test_patterns_name_what_is_there(asked: list[str], names: list[str]) -> None:
    assert chosen(asked, ["val/loss", "train/loss", "acc[0]", "a*"]) == names


bits = st.integers(0, 2**64 - 1).map(lambda word: struct.unpack("<d", struct.pack("<Q", word))[0])
row = st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(-3, 3), st.integers(0, 1), bits)


@given(st.lists(row, unique_by=lambda row: row[:4], max_size=60), st.integers(1, 9))
def test_the_wide_table_holds_every_point_once_with_its_bits(
    rows: list[tuple[str, int, int, int, float]], batch_rows: int
) -> None:
    names = ["a", "b", "c"]
    table = widen(points(rows).to_batches(max_chunksize=batch_rows), names)
    keys = sorted({(step, rank, at) for _, rank, step, at, _ in rows})
    assert list(zip(table["step"].to_pylist(), table["rank"].to_pylist(), strict=True)) == [key[:2] for key in keys]
    expected = {(name, step, rank, at): value for name, rank, step, at, value in rows}
    for name in names:
        column = table[name].combine_chunks()
        raw = column.to_numpy(zero_copy_only=False)
        for place, key in enumerate(keys):
            value = expected.get((name, *key))
            assert column[place].is_valid == (value is not None)
            if value is not None:
                assert struct.pack("<d", raw[place]) == struct.pack("<d", value)


# One bit pattern a value: which of two points that share a key is left is the store's affair, `merged` here.
keys = st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.integers(-2, 2), st.integers(0, 1))


@given(st.lists(st.tuples(keys, st.integers(1, 3)), unique_by=lambda one: one[0], max_size=30), st.integers(1, 9))
def test_points_come_once_and_in_order_whatever_is_there_twice(
    written: list[tuple[tuple[str, int, int, int], int]], batch_rows: int
) -> None:
    whole = sorted((*key, 0.0) for key, _ in written)
    raw = sorted((*key, 0.0) for key, times in written for _ in range(times))
    asked: list[object] = []

    def merged(before: Key | None) -> list[pa.RecordBatch]:
        asked.append(before)
        rest = [row for row in whole if before is None or row[:4] > before]
        return points(rest).to_batches(max_chunksize=batch_rows)

    found = list(once(points(raw).to_batches(max_chunksize=batch_rows), merged))
    columns = [[value for batch in found for value in batch.column(name).to_pylist()] for name in KEY_COLUMNS]
    assert list(zip(*columns, strict=True)) == [row[:4] for row in whole]
    assert len(asked) == (len(raw) > len(whole)), "the merged points are asked for once, and only where they are needed"
