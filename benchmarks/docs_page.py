"""docs/benchmarks.md: the rows first, then every subject with its picture and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from .limits import limit_of
from .report import cells, line_cells, verdict
from .rows import lines
from .running import Result

__all__ = ["markdown"]

_HEAD = """# Benchmarks

Written by `python -m benchmarks --docs docs/benchmarks.md`; edit the code under `benchmarks/`, not this page. A
figure is the median of its repeats; "beside" is how many times ours what it stands beside is. Everything of one
subject was measured in one go, the subjects one after the other on the same machine, every recorder in a process of its
own, offline, opened as its own quick start does.
"""

_REPRODUCE = """
## Measuring again

`pip install '.[bench]' && python -m benchmarks` measures everything and ends with the table above; `--quick` shows in
a few minutes that it runs; `python -m benchmarks NAME...` measures some subjects, `--store embedded` leaves out the
ClickHouse server and MinIO, which `bash .ci/components` installs. Recorders whose requirements do not agree with ours
are installed into environments of their own under `~/.cache/stepwell-bench`. `--compare` sets a run beside the newest
earlier one of the same machine: each is recorded as a run of the project `stepwell-benchmarks`, at the step that is
its commit's number.

To see where a process spends its time, use a profiler that looks at it from outside:

- `perf record -F 499 -g --pid PID -- sleep 10` and `perf script | stackcollapse-perf.pl | flamegraph.pl > flame.svg`
  for compiled code: the agent and the service decode, encode and insert there.
- `py-spy record --native --pid PID --duration 10 --output flame.svg` for Python and compiled code in one picture.
- `valgrind --tool=callgrind python -m benchmarks.one shapes /dev/null --quick` counts instructions, which a busy
  machine does not change.

The service says at `/metrics` what each of its stages has cost so far (`stepwell_stage_cpu_seconds_total`: receive,
decode, build, insert, ack, and `loop`, its event loop's thread as a whole); the subject `end_to_end` shows the split.
"""


def markdown(about: Mapping[str, Any], results: Mapping[str, Result], pictures: Mapping[str, Sequence[str]]) -> str:
    """pictures: files under docs/images/benchmarks, by subject."""
    counts = verdict(results)
    parts = [
        _HEAD,
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, "
        f"Python {about['python']}, commit {about['commit'] or 'unknown'}, load {about['load_before']} when it began"
        f"{', with --quick: **not figures to quote**' if about.get('quick') else ''}.",
        "\n## What is asked\n",
        f"Met: {counts['met']}, not met: {counts['not_met']}, not measured: {counts['missing']}.\n",
        "| row | what | target | figure | beside, times ours | |",
        "| ---: | --- | ---: | ---: | --- | --- |",
    ]
    before = 0
    for line in lines(results):
        parts.append(_row(line_cells(line, first=line.row != before)))
        before = line.row
    parts += _missed(results)
    parts.append(_REPRODUCE)
    for key, result in results.items():
        parts += [f"## {key}\n", f"{result.about[0].upper()}{result.about[1:]}; {result.seconds:.0f} s.\n"]
        parts += [f"![{key}](images/benchmarks/{name})\n" for name in pictures.get(key, ())]
        if result.failed:
            parts.append(f"**Failed:** {_escaped(result.failed)}\n")
        if result.figures:
            parts += ["| what | median | spread | target | beside | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
            parts += [_row(cells(figure)) for figure in result.figures]
            parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _missed(results: Mapping[str, Result]) -> list[str]:
    """Of the rows first, then of what only its own subject asks."""
    rows = [line for line in lines(results) if line.figure is not None]
    of_rows = {line.figure for line in rows}
    missed = [
        (line.row, f"Row {line.row}, {line.what}", line.what, line.figure) for line in rows if line.figure.met is False
    ] + [
        (key, f"{key}: {figure.what}", figure.what, figure)
        for key, result in results.items()
        for figure in result.figures
        if figure.met is False and figure not in of_rows
    ]
    if not missed:
        return []
    parts = ["\n## What misses its target, and what limits it\n"]
    for of, title, what, figure in missed:
        why = limit_of(of, what) or "Not looked into yet."
        _, ours, _, target, *_ = cells(figure)
        parts.append(f"- **{_escaped(title)}**: {ours}, asked {_escaped(str(target))}. {why}")
    return parts


def _row(made: Sequence[str | Text]) -> str:
    return f"| {' | '.join(_escaped(str(cell)) for cell in made)} |"


def _escaped(text: str) -> str:
    for one, other in (("<=", "≤"), (">=", "≥"), ("<", "&lt;"), ("\n", "<br>"), ("|", "\\|"), ("*", "\\*")):
        text = text.replace(one, other)
    return text
