"""What keeps a figure from its target where it misses it, as far as that was measured: said beside those that miss.

Each names its measurement, so that it can be taken again; what is not looked into yet has no line here and is said so.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["limit_of"]

_PACE = (
    "The machine is a virtual one whose speed changes by up to 2 within minutes; the yardsticks of the same run, which "
    "stand in the table, change with it."
)
# (row, pattern of what it asks, what limits it): the first that fits.
_LIMITS: tuple[tuple[int, str, str], ...] = (
    (
        1,
        "*as dict copies",
        "By instructions a call is 1.1 dict copies (callgrind, 100,000 calls each: 1,756 and 1,580 with the loop taken "
        "off). The rest is in what they touch: a copy fills the memory that the copy before it has just freed, a row "
        "goes to lines of the ring that the agent, on another core, was the last to read.",
    ),
    (2, "*", "16 ns in another run of the same day. " + _PACE),
    (
        3,
        "*",
        "It counts, and finds least, greatest, sum and squares of all, while numpy's bincount "
        "only counts (beside it in `histogram`). " + _PACE,
    ),
    (
        4,
        "CPU,*",
        "What the loop spends inside the recorder's calls stands beside it (`inside its calls`); a quarter of that is "
        "torch's own `item()`, 43 of them a step. The pairs of which the overhead is the median lie percents apart. "
        + _PACE,
    ),
    (7, "*", _PACE),
    (
        11,
        "service with chDB*",
        "Of it the stages of the service are what `end_to_end` lists one by one; the rest, nine tenths, is that of the "
        "engine, which inserts and merges in the same process, where a server does it in another.",
    ),
    (
        12,
        "share of the plain client",
        "All processes of it share two processors: beside it stands what their CPU seconds allow at most. The service "
        "spends its own on sockets (36 %, by `perf`), on SHA-256 of S3's signature (18 %), on blake3 of the whole and "
        "of each chunk (16 %), and on copies (12 %).",
    ),
    (
        12,
        "service memory*",
        "Three parts of 8 MiB on their way and one being filled are 32 MiB; the rest is what the heaps keep of chunks "
        "that came and went.",
    ),
    (
        13,
        "chart of one metric*",
        "All ten million points are read, merged and grouped for each answer; merging what is not merged yet is half "
        "of it: 0.20 of 0.40 s in ClickHouse alone. " + _PACE,
    ),
    (
        13,
        "a chart of 10*",
        "Asked right after 100 million points were written, whose parts are not merged: the server reads 20 million "
        "rows for it, once for the bounds and once for the chart, 0.86 s of processor. `reading` asks it of one at "
        "rest.",
    ),
    (13, "*", _PACE),
    (
        14,
        "export of * whole runs*",
        "A query a run: what each costs before its first row is most of the time of 60,000 points.",
    ),
)


def limit_of(row: int, what: str) -> str:
    """ "" where nothing is known."""
    return next((text for number, pattern, text in _LIMITS if number == row and fnmatchcase(what, pattern)), "")
