"""`python -m benchmarks [SUBJECT...]`: measures, prints a table a subject and one of all rows, writes files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from . import trend
from .docs_page import markdown
from .environments import Absent, python_with
from .peers import PINS
from .plots import LACKING, draw
from .report import machine, read_json, summary, table, verdict, write_json
from .running import Result, measure
from .subjects import STORES, SUBJECTS, Subject, chosen

_ROOT = Path(__file__).resolve().parents[1]
DEFAULT_JSON = _ROOT / "out" / "benchmarks" / "figures.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    stores = STORES if given.store == "both" else (given.store,)
    try:
        subjects = [] if given.known and not given.subjects else chosen(given.subjects, stores)
    except ValueError as error:
        parser.error(str(error))
    console = Console(width=None if sys.stdout.isatty() else 150)
    about: dict[str, Any] = {**machine(), "quick": given.quick}
    results: dict[str, Result] = {}
    if given.known:
        about, results = read_json(given.known)
    console.print(
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, Python {about['python']}, "
        f"commit {about['commit'] or 'unknown'}, load {about['load_before']}"
    )
    if subjects and not given.quick:
        console.print(f"about {sum(subject.usual_s for subject in subjects) / 60:.0f} minutes on 2 cores")
    file = given.json or (given.output / "figures.json" if given.output else DEFAULT_JSON)
    if not given.no_install:
        _prepare(subjects, console)
    for subject in subjects:
        with console.status(f"{subject.key} ..."):
            results[subject.key] = measure(subject, given.quick, install=not given.no_install)
        console.print(table(results[subject.key]))
        write_json(file, about, results)  # after each: what has been measured is kept, whatever comes
    console.print(summary(results))
    console.print(f"{_counted(results)}; figures in {file}")
    _write(given, about, results, console)
    path = "" if given.no_record or not subjects else trend.record(about, results)
    if given.compare:
        name, before = trend.earlier(about, but=path)
        console.print(trend.compare(results, name, before) if name else "no earlier run of this machine is recorded")
    return 1 if any(result.failed for result in results.values()) else 0


def _parser() -> argparse.ArgumentParser:
    names = dict.fromkeys(subject.name for subject in SUBJECTS)
    listed = "\n".join(
        f"  {name:14} {next(one for one in SUBJECTS if one.name == name).about}" for name in names
    )  # fmt: skip
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Measures stepwell beside other recorders and bare yardsticks.\n\nsubjects:\n{listed}",
        epilog="A benchmark is no test: a figure that misses its target is said so, and the exit code stays 0. It is 1 "
        "where a subject failed; the others' figures are kept.",
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help="of the above (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="less of everything: shows that it runs, not a figure to quote"
    )
    parser.add_argument(
        "--store", choices=(*STORES, "both"), default="both", help="where there is a choice (default: both)"
    )
    parser.add_argument("--no-install", action="store_true", help="make no environments for peers: they are missing")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help=f"every figure and the machine (default: {DEFAULT_JSON.name} in out/)"
    )
    parser.add_argument("--from", dest="known", type=Path, metavar="FILE", help="figures measured before, to add to")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="figures.json and the pictures")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="a page of the documentation, images/ beside it")
    parser.add_argument("--compare", action="store_true", help="beside the newest earlier run of the same machine")
    parser.add_argument("--no-record", action="store_true", help="do not record the figures as a run of stepwell")
    return parser


def _prepare(subjects: Sequence[Subject], console: Console) -> None:
    """Before anything is measured, so that no installation runs beside it."""
    for name in dict.fromkeys(peer for subject in subjects for peer in subject.peers):
        pin = PINS[name]
        try:
            with console.status(f"looking for {pin.package} {pin.version} ..."):
                python_with(pin.package, pin.version, pin.also)
        except Absent as why:
            console.print(f"{name} is missing: {why}")


def _write(given: argparse.Namespace, about: dict[str, Any], results: dict[str, Result], console: Console) -> None:
    folder = given.docs.parent / "images" / "benchmarks" if given.docs else given.output
    if folder is None:
        return
    pictures: dict[str, list[str]] = {}
    try:
        pictures = draw(folder, results)
    except ImportError:
        console.print(LACKING)
    if given.docs:
        given.docs.write_text(markdown(about, results, pictures))
        console.print(f"{given.docs} written")


def _counted(results: dict[str, Result]) -> str:
    counts = verdict(results)
    failed = [key for key, result in results.items() if result.failed]
    said = f"{counts['met']} met, {counts['not_met']} not met, {counts['missing']} not measured"
    return f"{said}; failed: {', '.join(failed)}" if failed else said


if __name__ == "__main__":
    sys.exit(main())
