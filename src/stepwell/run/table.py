"""`stepwell.Table`: rows and columns as `run.log` takes them, made Parquet at once. Imports pyarrow only then."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidValue

__all__ = ["Table"]

_GROUP_ROWS = 10_000  # the page reads the first group of a table, and no more


class Table:
    """Rows and columns for `run.log`: predictions, samples, whatever is looked at a row at a time.

    Made of something that is no table it is none, without an exception: `run.log` says so once, and records the rest
    of the row.

    Args:
        columns: The columns' names, with `rows`. Or without: a dict of columns of one length, a pandas data frame
            (its index is left out), a polars data frame, a pyarrow table.
        rows: Lists or tuples, of as many values as there are columns; a column's values are of one type, or None.

    Example:
        ```python
        run.log({"wrong": stepwell.Table(["digit", "said", "p"], [[4, 9, 0.61], [7, 1, 0.55]])}, step=10)
        ```
    """

    __slots__ = ("_columns", "_error", "_parquet", "_rows")

    def __init__(self, columns: Any, rows: Iterable[Sequence[Any]] | None = None) -> None:
        self._columns: list[str] = []
        self._rows, self._parquet, self._error = 0, b"", ""
        try:
            self._take(columns if rows is None else _by_column(columns, rows))
        except InvalidValue as error:
            self._error = str(error)
        except Exception as error:  # noqa: BLE001 - the value's own methods may raise anything
            self._error = f"a {type(columns).__name__} makes no table: {type(error).__name__}: {error}"

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return list(self._columns)

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._rows

    def encoded(self, rows_max: int) -> bytes:
        """The Parquet file that is kept.

        Args:
            rows_max: It may not have more.

        Raises:
            InvalidValue: It has, or no table could be made of what was given; says why.
        """
        if self._error:
            raise InvalidValue(self._error)
        if self._rows > rows_max:
            raise InvalidValue(
                f"a table of {self._rows} rows; at most {rows_max} (setting table_rows_max): write a file, and "
                "log_artifact that"
            )
        return self._parquet

    def __repr__(self) -> str:
        return f"<Table, none: {self._error}>" if self._error else f"<Table {self._rows} x {self._columns}>"

    def _take(self, data: Any) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = _arrow(pa, data)
        if not table.num_columns:
            raise InvalidValue("a table has at least one column")
        if len(set(table.column_names)) != table.num_columns:
            raise InvalidValue(f"two columns of a table have one name: {table.column_names}"[:200])
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", row_group_size=_GROUP_ROWS)
        self._columns, self._rows = table.column_names, table.num_rows
        self._parquet = sink.getvalue().to_pybytes()


def _by_column(columns: Iterable[Any], rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    names = [str(name) for name in columns]
    if len(set(names)) != len(names):
        raise InvalidValue(f"two columns of a table have one name: {names}"[:200])
    held = [list(row) for row in rows]
    for number, row in enumerate(held):
        if len(row) != len(names):
            raise InvalidValue(f"row {number} of a table has {len(row)} values, and it has {len(names)} columns")
    return {name: [row[index] for row in held] for index, name in enumerate(names)}


def _arrow(pa: Any, data: Any) -> Any:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    if isinstance(data, pa.Table):
        return data
    if callable(getattr(data, "to_arrow", None)):
        return data.to_arrow()
    if not isinstance(data, Mapping):
        raise InvalidValue(f"a table is made of column names and rows, or of columns, not of a {type(data).__name__}")
    arrays = {str(name): _column(pa, str(name), values) for name, values in data.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidValue(f"the columns of a table have different lengths: {lengths}"[:200])
    return pa.table(arrays)


def _column(pa: Any, name: str, values: Any) -> Any:
    try:
        return pa.array(values if hasattr(values, "dtype") else list(values))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidValue(f"column {name!r} of a table is not of one type: {error}"[:300]) from error
