"""Every public name says what it is, and every public call what each of its arguments means."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import stepwell
from stepwell import query
from stepwell.run import Fields

# Made by the package and handed out: how they are constructed is nobody's business but ours.
HANDED_OUT = {stepwell.Run, Fields, query.Run, query.Runs, query.Artifact, query.Console}
CLASSES = {
    *(getattr(stepwell, name) for name in stepwell.__all__ if inspect.isclass(getattr(stepwell, name))),
    *(getattr(query, name) for name in query.__all__ if inspect.isclass(getattr(query, name))),
    Fields,
}


def public() -> Iterator[tuple[str, Any, list[str]]]:
    """(name, object, parameters that its docstring must explain)."""
    for name in stepwell.__all__:
        found = getattr(stepwell, name)
        if inspect.isfunction(found):
            yield f"stepwell.{name}", found, _parameters(found)
        elif isinstance(found, ModuleType):
            for below in found.__all__:
                yield f"stepwell.{name}.{below}", getattr(found, below), []
    for kind in sorted(CLASSES, key=lambda kind: f"{kind.__module__}.{kind.__name__}"):
        made_here = kind not in HANDED_OUT and not _is_record(kind) and not issubclass(kind, Exception)
        label = f"{kind.__module__}.{kind.__name__}"
        yield label, kind, _parameters(kind.__init__)[1:] if made_here else []
        for name, member in vars(kind).items():
            if name.startswith("_"):
                continue
            call = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            if inspect.isfunction(call):
                yield f"{label}.{name}", call, [one for one in _parameters(call) if one not in ("self", "cls")]
            elif isinstance(member, property):
                yield f"{label}.{name}", member, []


def _is_record(kind: type) -> bool:
    """Fields explain themselves below their names."""
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _parameters(call: Any) -> list[str]:
    return list(inspect.signature(call).parameters)


CASES = {name: (found, parameters) for name, found, parameters in public()}
# `dict`'s own methods, which Fields only keeps in step with what is recorded.
LIKE_DICT = {
    f"stepwell.run.config.Fields.{name}" for name in ("update", "setdefault", "pop", "popitem", "clear", "copy")
}
# For `init`, not for users.
INTERNAL = {"stepwell.run.config.Fields.load", "stepwell.run.config.Fields.replace_all", "stepwell.run.run.Run.attend"}


@pytest.mark.parametrize("name", [name for name in CASES if name not in LIKE_DICT])
def test_has_a_docstring_that_explains_each_parameter(name: str) -> None:
    found, parameters = CASES[name]
    text = inspect.getdoc(found) or ""
    own = not inspect.isclass(found) or "__doc__" in vars(found)
    assert text if own else "", f"{name} has no docstring"
    if inspect.isclass(found) and _is_record(found):
        assert not text.startswith(f"{found.__name__}("), f"{name} has only the signature that is made for it"
    if name in INTERNAL:
        return
    missing = [one for one in parameters if not re.search(rf"^ +{one}: \S", text, re.MULTILINE)]
    assert not missing, f"the Args of {name} leave out {', '.join(missing)}"


def test_every_setting_says_what_it_is_for() -> None:
    """The settings page of the documentation is made of these."""
    tree = ast.parse(Path(inspect.getfile(stepwell.Settings)).read_text("utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    for node, after in pairwise(body):
        if isinstance(node, ast.AnnAssign):
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            assert told, f"{ast.unparse(node.target)} has no text below it"
