"""`python -m benchmarks [SUBJECT...]`: measures, prints a table a subject, writes JSON and plots where told to."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from .figures import Figure
from .report import draw, machine, markdown, table, write_json

# name: (module, what it measures). One file a subject; `run(quick)` gives its figures.
SUBJECTS = {
    "log_call": ("log_call", "what `run.log` costs the calling thread"),
    "shapes": ("shapes", "a log call as it grows: metrics, numpy scalars, threads"),
    "starting": ("starting", "what it takes before the first log call"),
    "histogram": ("histogram", "a histogram of a million float32 in the calling thread"),
    "codec": ("codec", "bytes a value and speed of single columns, one core"),
    "end_to_end": ("end_to_end", "from `run.log` to durable rows, all processes on this machine"),
    "visible": ("visible", "from `run.log` to the query API"),
    "checkpoint": ("checkpoint", "a checkpoint to MinIO, beside the plain client"),
    "reading": ("reading", "large charts and large tables of the embedded store"),
    "export": ("export", "exact history as Arrow"),
    "page": ("page", "the page in a real browser against a live service"),
}


def main() -> int:
    listed = "\n".join(f"  {name:12} {about}" for name, (_, about) in SUBJECTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Measures stepwell beside other recorders and bare yardsticks.\n\nsubjects:\n{listed}",
        epilog="A benchmark is no test: a figure that misses its target is said so, and the exit code stays 0.",
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help="of the above (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="less of everything: shows that it runs, not a figure to quote"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure with all its repeats, and the machine")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="figures.json and a plot a subject")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="the tables as a page of the documentation")
    parser.add_argument("--no-record", action="store_true", help="do not record the figures as a run of stepwell")
    given = parser.parse_args()
    unknown = [name for name in given.subjects if name not in SUBJECTS]
    if unknown:
        parser.error(f"no subject {unknown[0]!r}; there are {', '.join(SUBJECTS)}")
    console = Console(width=None if sys.stdout.isatty() else 140)
    about = {**machine(), "quick": given.quick}
    console.print(
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, Python {about['python']}, "
        f"commit {about['commit'] or 'unknown'}, load {about['load_before']}"
    )
    results = _measure(given.subjects or list(SUBJECTS), given.quick, console)
    titles = {name: SUBJECTS[name][1] for name in results}
    files = [given.json] if given.json else []
    if given.output:
        files.append(given.output / "figures.json")
        why = draw(given.output, results)
        if why:
            console.print(why)
    if given.docs:
        given.docs.write_text(markdown(about, results, titles))
    for file in files:
        write_json(file, about, results, titles)
        console.print(f"figures written to {file}")
    if not given.no_record:
        _record(about, results)
    return 0


def _measure(names: list[str], quick: bool, console: Console) -> dict[str, list[Figure]]:
    results = {}
    for name in names:
        begin = time.monotonic()
        with console.status(f"{name} ..."):
            results[name] = importlib.import_module(f".{SUBJECTS[name][0]}", __package__).run(quick)
        console.print(table(name, f"{SUBJECTS[name][1]} ({time.monotonic() - begin:.0f} s)", results[name]))
    return results


def _record(about: dict[str, Any], results: dict[str, list[Figure]]) -> None:
    """The benchmark's own trend is kept where every other run is."""
    import stepwell

    with stepwell.init(project="stepwell-benchmarks", config=about, settings={"quiet": True}) as run:
        run.log(
            {
                f"{name}/{figure.what}": figure.median
                for name, figures in results.items()
                for figure in figures
                if figure.values
            }
        )


if __name__ == "__main__":
    sys.exit(main())
