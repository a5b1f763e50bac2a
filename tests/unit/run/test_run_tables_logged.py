"""`stepwell.Table`: what becomes which columns, and what is no table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stepwell
from stepwell.errors import InvalidValue


def read(table: stepwell.Table) -> dict[str, list[Any]]:
    return pq.read_table(pa.BufferReader(table.encoded(1000))).to_pydict()


TWO = {"a": [1, 2], "b": ["x", None]}
TABLES = {
    "rows": (stepwell.Table(["a", "b"], [[1, "x"], (2, None)]), TWO),
    "columns": (stepwell.Table({"a": np.array([1, 2]), "b": ["x", None]}), TWO),
    "pandas": (stepwell.Table(pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[7, 8])), TWO),
    "arrow": (stepwell.Table(pa.table(TWO)), TWO),
    "no rows": (stepwell.Table(["a"], []), {"a": []}),
    "numbers of two types": (stepwell.Table(["a"], [[1], [0.5]]), {"a": [1.0, 0.5]}),
    "numpy scalars": (stepwell.Table(["a"], [[np.float64(0.5)]]), {"a": [0.5]}),
    "a generator": (stepwell.Table(["a"], ([n] for n in range(2))), {"a": [0, 1]}),
    "lists in cells": (stepwell.Table(["a"], [[[1, 2]], [[]]]), {"a": [[1, 2], []]}),
    "hostile names": (stepwell.Table(["", "a\nb", "<b>"], [[1, 2, 3]]), {"": [1], "a\nb": [2], "<b>": [3]}),
}


@pytest.mark.parametrize(("table", "wanted"), TABLES.values(), ids=TABLES)
def test_tables_come_back(table: stepwell.Table, wanted: dict[str, list[Any]]) -> None:
    assert read(table) == wanted
    assert table.columns == list(wanted)
    assert table.rows == len(next(iter(wanted.values())))


def test_nan_and_infinities_stay_what_they_are() -> None:
    (values,) = read(stepwell.Table(["a"], [[math.nan], [math.inf], [-0.0], [None]])).values()
    assert math.isnan(values[0])
    assert [str(value) for value in values[1:]] == ["inf", "-0.0", "None"]


def test_a_later_change_of_what_was_given_changes_nothing() -> None:
    array = np.array([1, 2])
    table = stepwell.Table({"a": array})
    array[:] = 0
    assert read(table) == {"a": [1, 2]}


NONE = {
    "rows of other lengths": ((["a", "b"], [[1, 2], [3]]), "row 1 of a table has 1 values, and it has 2 columns"),
    "columns of other lengths": (({"a": [1], "b": []},), "different lengths"),
    "a name twice": ((["a", "a"], [[1, 2]]), "one name"),
    "no columns": (([], []), "at least one column"),
    "types that do not go together": ((["a"], [[1], ["x"]]), "column 'a' of a table is not of one type"),
    "objects": ((["a"], [[object()]]), "column 'a' of a table is not of one type"),
    "a list": (([1, 2],), "not of a list"),
    "a number as rows": ((["a"], 3), "makes no table: TypeError"),
    "a surrogate in a name": ((["\ud800"], [[1]]), "makes no table: UnicodeEncodeError"),
}


@pytest.mark.parametrize(("given_", "word"), NONE.values(), ids=NONE)
def test_what_is_no_table_says_why_when_it_is_asked_for(given_: tuple[Any, ...], word: str) -> None:
    table = stepwell.Table(*given_)
    assert "none" in repr(table)
    with pytest.raises(InvalidValue, match=word):
        table.encoded(1000)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"a table of 3 rows; at most 2 \(setting table_rows_max"):
        stepwell.Table(["a"], [[1], [2], [3]]).encoded(2)
