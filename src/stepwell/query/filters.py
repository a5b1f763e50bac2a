"""The filter language of runs: text to a small typed tree. Knows no SQL (that is filter_sql.py).

    config.lr > 1e-3 and summary["val/acc"] > 0.9
    state in ("running", "crashed") and not ("baseline" in tags)
    name ~ "^resnet" and config.model.depth == 50 or created >= "2026-01-31"

What is not there is None. `==` and `!=` compare as Python does; `<` and its kin are false between values
of different kinds, and for None; so a filter never fails on a run that lacks a key.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NoReturn, TypeAlias

from ..errors import FilterError

__all__ = [
    "FIELDS",
    "NESTED",
    "All",
    "Any_",
    "Compare",
    "Constant",
    "Contains",
    "Matches",
    "Node",
    "Not",
    "Ref",
    "parse",
]

FIELDS = ("state", "name", "tags", "project", "id", "group", "job_type", "experiment", "notes", "created")
NESTED = ("config", "summary", "env")
TEXT_MAX = 10_000
DEPTH_MAX = 60
TERMS_MAX = 200

Constant: TypeAlias = "float | int | bool | str | None"


@dataclass(frozen=True)
class Ref:
    """config.model.depth is Ref("config", ("model", "depth")); tags is Ref("tags")."""

    root: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compare:
    """op: == < <= > >= (`!=` is Not of `==`). The left side is always a Ref."""

    op: str
    left: Ref
    right: Ref | Constant


@dataclass(frozen=True)
class Contains:
    """The constant is an element of the list, or a part of the string, that `of` names."""

    item: Constant
    of: Ref


@dataclass(frozen=True)
class Matches:
    """The string that `of` names matches the regular expression somewhere (RE2 syntax)."""

    of: Ref
    pattern: str


@dataclass(frozen=True)
class Not:
    of: Node


@dataclass(frozen=True)
class All:
    of: tuple[Node, ...]


@dataclass(frozen=True)
class Any_:  # noqa: N801 - `Any` is taken
    of: tuple[Node, ...]


Node: TypeAlias = "Compare | Contains | Matches | Not | All | Any_"

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<name>[A-Za-z_]\w*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<mark>==|!=|<=|>=|<|>|~|=|\(|\)|\[|\]|\.|,|-|\+)
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_CONSTANTS: dict[str, Constant] = {
    "None": None, "null": None, "True": True, "true": True, "False": False, "false": False,
    "nan": math.nan, "inf": math.inf,
}  # fmt: skip
_WORDS = {"and", "or", "not", "in", "matches"}


@dataclass(frozen=True)
class _Token:
    kind: str  # number | name | string | mark | end
    text: str
    position: int


@dataclass(frozen=True)
class _Value:
    """An operand with the place it was written at."""

    of: Ref | Constant
    position: int


def parse(text: str) -> Node:
    """The tree of a filter. Raises FilterError with the position, drawn under the text by a caret."""
    if len(text) > TEXT_MAX:
        raise FilterError(f"a filter has at most {TEXT_MAX} characters, not {len(text)}", text[:80], 0)
    return _Parser(text).whole()


class _Parser:
    """Recursive descent: or > and > not > comparison > operand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.at = 0
        self.depth = 0
        self.terms = 0

    def whole(self) -> Node:
        if self._peek.kind == "end":
            self._fail("a filter says which runs to keep, for example: config.lr > 1e-3", self._peek)
        tree = self._or()
        if self._peek.kind != "end":
            self._fail(f"expected `and`, `or` or the end here, not {self._peek.text!r}", self._peek)
        return tree

    # --- tokens

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                what = "a string without its closing quote" if self.text[at] in "\"'" else repr(self.text[at])
                self._fail(f"{what} cannot stand in a filter", _Token("mark", self.text[at], at))
            kind = match.lastgroup or "mark"
            found.append(_Token(kind, match.group(kind), match.start(kind)))
            at = match.end()
        found.append(_Token("end", "", len(self.text)))
        return found

    @property
    def _peek(self) -> _Token:
        return self.tokens[self.at]

    def _next(self) -> _Token:
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token

    def _take(self, *texts: str) -> str | None:
        token = self._peek
        if token.kind in ("mark", "name") and token.text in texts:
            self.at += 1
            return token.text
        return None

    def _expect(self, text: str, why: str) -> None:
        if self._take(text) is None:
            self._fail(f"expected {text!r} {why}", self._peek)

    def _fail(self, message: str, token: _Token) -> NoReturn:
        line = self.text.replace("\n", " ").replace("\t", " ")
        raise FilterError(f"{message}\n  {line}\n  {' ' * token.position}^", self.text, token.position)

    # --- grammar

    def _or(self) -> Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            self._fail(f"more than {DEPTH_MAX} levels of parentheses", self._peek)
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Any_(tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _not(self) -> Node:
        negations = 0
        while self._take("not"):
            negations += 1
        tree = self._term()
        return Not(tree) if negations % 2 else tree

    def _term(self) -> Node:
        self.terms += 1
        if self.terms > TERMS_MAX:
            self._fail(f"more than {TERMS_MAX} comparisons", self._peek)
        if self._take("("):
            tree = self._or()
            self._expect(")", "to close the parenthesis")
            return tree
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._operand()
        operator = self._peek
        if self._take("="):
            self._fail("write == to compare", operator)
        negated = bool(self._take("not"))
        if self._take("in"):
            tree = self._membership(left, operator)
            return Not(tree) if negated else tree
        if negated:
            self._fail("expected `in` after `not`", self._peek)
        if self._take("~", "matches"):
            return self._matches(left, operator)
        if self._peek.text not in _SWAPPED or self._peek.kind != "mark":
            self._fail("expected a comparison (== != < <= > >= ~ in) here", self._peek)
        parts: list[Node] = []
        while (op := self._take(*_SWAPPED)) is not None:  # 0 < config.lr < 1 reads as in Python
            right = self._operand()
            parts.append(self._compare(op, left, right, operator))
            left, operator = right, self._peek
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _compare(self, op: str, left: _Value, right: _Value, operator: _Token) -> Node:
        a, b = left.of, right.of
        if not isinstance(a, Ref):
            a, b, op = b, a, _SWAPPED[op]
        if not isinstance(a, Ref):
            self._fail("a comparison needs something of a run on one side, for example config.lr", operator)
        for ref in (a, b):
            if isinstance(ref, Ref) and ref.root == "tags":
                self._fail('tags are a list: write "x" in tags', operator)
        if "created" in (a.root, b.root if isinstance(b, Ref) else ""):
            b = self._moment(b, right if b is right.of else left)
        if op == "!=":
            return Not(Compare("==", a, b))
        return Compare(op, a, b)

    def _moment(self, value: Ref | Constant, operand: _Value) -> Ref | Constant:
        """The other side of `created`: a date as text, in seconds since 1970."""
        if not isinstance(value, str):
            self._fail('created is compared with a date, for example created >= "2026-01-31"', self._mark(operand))
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            self._fail(f"{value!r} is not a date (2026-01-31, or 2026-01-31T12:00:00)", self._mark(operand))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()

    def _membership(self, left: _Value, operator: _Token) -> Node:
        if self._take("(", "["):
            choices = [self._constant()]
            while self._take(",") and self._peek.text not in (")", "]"):
                choices.append(self._constant())
            if not self._take(")", "]"):
                self._fail("expected ) or ] to close the list", self._peek)
            return Any_(tuple(self._compare("==", left, choice, operator) for choice in choices))
        of = self._operand()
        if not isinstance(of.of, Ref) or isinstance(left.of, Ref):
            self._fail('`in` takes "x" in tags, or config.optimizer in ("sgd", "adam")', operator)
        return Contains(left.of, of.of)

    def _matches(self, left: _Value, operator: _Token) -> Node:
        pattern = self._operand()
        if not isinstance(left.of, Ref) or not isinstance(pattern.of, str):
            self._fail('a match takes a name and a regular expression: name ~ "^resnet"', operator)
        try:
            re.compile(pattern.of)
        except re.error as error:
            self._fail(f"not a regular expression: {error}", self._mark(pattern))
        return Matches(left.of, pattern.of)

    def _constant(self) -> _Value:
        value = self._operand()
        if isinstance(value.of, Ref):
            self._fail("a list holds numbers and strings", self._mark(value))
        return value

    def _mark(self, value: _Value) -> _Token:
        return _Token("mark", "", value.position)

    def _operand(self) -> _Value:
        token = self._next()
        if token.kind == "string":
            return _Value(_ESCAPE.sub(r"\1", token.text[1:-1]), token.position)
        if token.kind == "number":
            return _Value(_number(token.text), token.position)
        if token.kind == "mark" and token.text in "+-":
            value = self._next()
            of: Any = _number(value.text) if value.kind == "number" else _CONSTANTS.get(value.text)
            if value.kind not in ("number", "name") or not isinstance(of, (int, float)):
                self._fail("expected a number after the sign", value)
            return _Value(-of if token.text == "-" else of, token.position)
        if token.kind == "name" and token.text in _CONSTANTS:
            return _Value(_CONSTANTS[token.text], token.position)
        if token.kind == "name" and token.text not in _WORDS:
            return _Value(self._ref(token), token.position)
        return self._fail("expected a name, a number or a string here", token)

    def _ref(self, token: _Token) -> Ref:
        path: list[str] = []
        while mark := self._take(".", "["):
            key = self._next()
            if mark == ".":
                if key.kind != "name":
                    self._fail('expected a key after the dot; write config["any key"] for unusual ones', key)
                path.append(key.text)
                continue
            if key.kind != "string":
                self._fail('expected a quoted key, for example summary["val/acc"]', key)
            path.append(_ESCAPE.sub(r"\1", key.text[1:-1]))
            self._expect("]", "after the key")
        if token.text in NESTED:
            if not path:
                self._fail(f"name a key of it, for example {token.text}.lr", token)
            return Ref(token.text, tuple(path))
        if token.text not in FIELDS:
            self._fail(
                f"a run has no {token.text!r}; there are {', '.join(FIELDS)}, config.KEY, env.KEY and "
                f"summary.METRIC (did you mean config.{token.text} or summary.{token.text}?)",
                token,
            )
        if path:
            self._fail(f"{token.text} has no keys", token)
        return Ref(token.text)


def _number(text: str) -> float | int:
    return int(text) if text.isdigit() else float(text)
