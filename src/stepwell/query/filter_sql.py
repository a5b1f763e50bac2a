"""A filter's tree as a condition on `run`, every text and number of it a bound parameter.

Each comparison becomes `run IN (SELECT run FROM ... WHERE ...)`, so what a run lacks is simply not in the
set: no nulls and no joins in the logic above it.
"""

from __future__ import annotations

import math
from typing import Any

from .filters import All, Any_, Compare, Constant, Contains, Matches, Node, Not, Ref
from .sql import STATES

__all__ = ["condition"]

_EXACT_INT = 1 << 53
_ORDER = ("<", "<=", ">", ">=", "==")
_TEXT = "JSONExtractString({0}.str)"
_IS_TEXT = "startsWith({0}.str, '\"')"


def condition(tree: Node) -> tuple[str, dict[str, Any]]:
    """(SQL, parameters): a condition for `WHERE` where a column `run` is in sight."""
    compiler = _Compiler()
    return compiler.node(tree), compiler.parameters


class _Compiler:
    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def bind(self, value: object, kind: str) -> str:
        name = f"f{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def node(self, node: Node) -> str:
        if isinstance(node, Not):
            return f"NOT ({self.node(node.of)})"
        if isinstance(node, All):
            return "(" + " AND ".join(self.node(part) for part in node.of) + ")"
        if isinstance(node, Any_):
            return "(" + " OR ".join(self.node(part) for part in node.of) + ")"
        if isinstance(node, Matches):
            pattern = self.bind(node.pattern, "String")
            return self.among(node.of, f"{_IS_TEXT.format('a')} AND match({_TEXT.format('a')}, {pattern})")
        if isinstance(node, Contains):
            return self.among(node.of, self.contains(node.item))
        return self.compare(node)

    def among(self, ref: Ref, where: str) -> str:
        return f"run IN (SELECT run FROM ({self.source(ref)}) AS a WHERE {where})"

    # --- what a comparison looks at: (run, str as JSON, num)

    def source(self, ref: Ref) -> str:
        if ref.root == "state":
            return f"SELECT run, toJSONString(state) AS str, nan AS num FROM ({STATES})"
        if ref.root == "created":
            return "SELECT run, '0' AS str, toUnixTimestamp64Milli(created) / 1000 AS num FROM v_runs"
        if ref.root in ("project", "id"):
            return f"SELECT run, toJSONString({ref.root}) AS str, nan AS num FROM v_runs"
        pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in ref.path)
        key = self.bind(ref.root + pointer, "String")
        fields = f"SELECT run, str, num FROM v_fields WHERE key = {key} AND str != ''"
        if ref.root != "summary":
            return fields
        metric = self.bind("/".join(ref.path), "String")
        return (  # what the user set outranks the last value logged
            "SELECT run, argMax(str, set) AS str, argMax(num, set) AS num FROM ("
            f"SELECT run, str, num, 1 AS set FROM ({fields}) UNION ALL "
            "SELECT run, toString(argMin(value, rank)) AS str, argMin(value, rank) AS num, 0 AS set "
            f"FROM v_lasts WHERE metric = {metric} GROUP BY run) GROUP BY run"
        )

    # --- comparisons

    def compare(self, node: Compare) -> str:
        assert node.op in _ORDER
        op = "=" if node.op == "==" else node.op
        if isinstance(node.right, Ref):
            return self.compare_refs(op, node.left, node.right)
        if node.right is None:
            present = self.among(node.left, "a.str != 'null'")
            return f"NOT ({present})" if op == "=" else "0"
        return self.among(node.left, self.against(op, node.right))

    def compare_refs(self, op: str, left: Ref, right: Ref) -> str:
        numbers = f"a.num {op} b.num"
        texts = f"{_IS_TEXT.format('a')} AND {_IS_TEXT.format('b')} AND {_TEXT.format('a')} {op} {_TEXT.format('b')}"
        where = f"({numbers}) OR ({texts})"
        return (
            f"run IN (SELECT a.run FROM ({self.source(left)}) AS a INNER JOIN ({self.source(right)}) AS b "
            f"ON a.run = b.run WHERE {where})"
        )

    def against(self, op: str, value: Constant) -> str:
        if isinstance(value, str):
            return f"{_IS_TEXT.format('a')} AND {_TEXT.format('a')} {op} {self.bind(value, 'String')}"
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT_INT and op == "=":
            return f"a.str = {self.bind(str(value), 'String')}"  # `num` is only the nearest double
        return f"a.num {op} {self.bind(_double(value), 'Float64')}"

    def contains(self, item: Constant) -> str:
        is_list = "startsWith(a.str, '[')"
        if isinstance(item, str):
            text = self.bind(item, "String")
            is_it = f"startsWith(x, '\"') AND JSONExtractString(x) = {text}"
            element = f"arrayExists(x -> {is_it}, JSONExtractArrayRaw(a.str))"
            return (
                f"({is_list} AND {element}) OR ({_IS_TEXT.format('a')} AND position({_TEXT.format('a')}, {text}) > 0)"
            )
        if item is None:
            return f"{is_list} AND has(JSONExtractArrayRaw(a.str), 'null')"
        number = self.bind(_double(item), "Float64")
        as_number = "multiIf(x = 'true', 1., x = 'false', 0., toFloat64OrNull(x))"
        return f"{is_list} AND arrayExists(x -> ifNull({as_number} = {number}, 0), JSONExtractArrayRaw(a.str))"


def _double(value: float | int | None) -> float:
    try:
        return float(value if value is not None else math.nan)
    except OverflowError:  # an int beyond every double compares like infinity
        return math.inf if value and value > 0 else -math.inf
