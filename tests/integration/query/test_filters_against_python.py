"""Any filter, compiled to SQL and run by the engine, picks the runs that plain Python would."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.query.filter_sql import condition
from stepwell.query.filters import All, Any_, Compare, Contains, Matches, Node, Not, Ref
from stepwell.query.local import LocalReader
from stepwell.query.records import RunInfo
from stepwell.stores.local import LocalStores

REFS = [
    Ref("config", ("lr",)), Ref("config", ("model", "depth")), Ref("config", ("model", "name")),
    Ref("config", ("amp",)), Ref("config", ("layers",)), Ref("config", ("none",)), Ref("config", ("nan",)),
    Ref("config", ("gone",)),
    Ref("summary", ("val/acc",)), Ref("summary", ("loss",)), Ref("env", ("host",)),
    Ref("name"), Ref("tags"), Ref("state"), Ref("project"), Ref("id"), Ref("group"),
]  # fmt: skip
refs = st.sampled_from(REFS)
constants = st.sampled_from(
    [0, 1, 0.001, 0.5, 50, -1, 2.0, 1e300, math.nan, math.inf, True, False, None, "", "adaptive", "resnet", "net", "b",
     "finished", "vision", "baseline", "a b", "failed", "'\"\\", "é"]
)  # fmt: skip
atoms = st.one_of(
    st.builds(Compare, st.sampled_from(["==", "<", "<=", ">", ">="]), refs, constants | refs),
    st.builds(Contains, constants, refs),
    st.builds(Matches, refs, st.sampled_from(["^r", "net$", "", "[0-9]", "a.a", "^$"])),
)
trees = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any_(tuple(parts))),
    ),
    max_leaves=5,
)


def holds(node: Node, value: Callable[[Ref], Any]) -> bool:
    """The language's meaning, as its documentation says it."""
    if isinstance(node, Not):
        return not holds(node.of, value)
    if isinstance(node, All):
        return all(holds(part, value) for part in node.of)
    if isinstance(node, Any_):
        return any(holds(part, value) for part in node.of)
    if isinstance(node, Matches):
        text = value(node.of)
        return isinstance(text, str) and re.search(node.pattern, text) is not None
    if isinstance(node, Contains):
        where = value(node.of)
        if isinstance(where, str):
            return isinstance(node.item, str) and node.item in where
        return isinstance(where, list) and any(alike(node.item, element) for element in where)
    left = value(node.left)
    right = value(node.right) if isinstance(node.right, Ref) else node.right
    if right is None and not isinstance(node.right, Ref):
        return node.op == "==" and left is None
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if not numbers and not (isinstance(left, str) and isinstance(right, str)):
        return False
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "==": lambda a, b: a == b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    }  # fmt: skip
    return bool(compare[node.op](left, right))


def alike(item: Any, element: Any) -> bool:
    if isinstance(item, str) or isinstance(element, str) or item is None or element is None:
        return type(item) is type(element) and item == element
    return isinstance(element, (int, float)) and float(item) == float(element)


def value_of(info: RunInfo, ref: Ref) -> Any:
    if ref.root in ("project", "id"):
        return getattr(info.key, ref.root)
    if ref.root == "state":
        return info.state
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in ref.path)
    text = info.fields.get(ref.root + pointer)
    if text is not None:
        return json.loads(text)
    return info.last.get("/".join(ref.path)) if ref.root == "summary" else None


@pytest.fixture(scope="module")
def infos(local: LocalReader) -> list[RunInfo]:
    return local.runs(last=True)


@pytest.mark.parametrize("examples", [50, pytest.param(300, marks=pytest.mark.thorough)])
def test_the_engine_and_python_agree(examples: int, stores: LocalStores, infos: list[RunInfo]) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(tree=trees)
    def agree(tree: Node) -> None:
        where, parameters = condition(tree)
        rows = stores.metrics.rows(f"SELECT project, id FROM v_runs WHERE {where}", parameters)
        expected = {(info.key.project, info.key.id) for info in infos if holds(tree, partial(value_of, info))}
        assert {(row["project"], row["id"]) for row in rows} == expected

    agree()
