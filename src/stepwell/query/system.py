"""What machines did, read: the condition that names and patterns make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["matching"]


def matching(asked: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, list[str]]]:
    """SQL that holds where each column has one of its names, or matches one of its patterns; and what is bound.

    >>> matching({"device": ["nvidia*"], "metric": []})[0]
    '(device IN {device_names:Array(String)} OR multiMatchAny(device, {device_patterns:Array(String)}))'
    """
    clauses, parameters = [], dict[str, list[str]]()
    for column, names in asked.items():
        if not names:
            continue
        patterns = [_anchored(name) for name in names if "*" in name or "?" in name]
        clause = f"{column} IN {{{column}_names:Array(String)}}"
        parameters[f"{column}_names"] = list(names)
        if patterns:
            clause = f"({clause} OR multiMatchAny({column}, {{{column}_patterns:Array(String)}}))"
            parameters[f"{column}_patterns"] = patterns
        clauses.append(clause)
    return " AND ".join(clauses) or "1", parameters


def _anchored(pattern: str) -> str:
    """`*` and `?` are the only signs of a pattern, as in `Run.history`."""
    return "^" + "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern) + "$"
