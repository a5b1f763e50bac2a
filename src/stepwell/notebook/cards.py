"""A run, a live run, a list of runs and an Api as a notebook shows them: each one piece of HTML that stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from ..errors import StepwellError
from ..query.series_tables import Series, SeriesAsked
from .html import Cell, ago, framed, link, number, sparkline, state, table, text

if TYPE_CHECKING:
    from ..query import Api, MetricInfo, Run, Runs
    from ..query.reader import Reader
    from ..query.records import RunInfo
    from .of_live_run import LiveRun

__all__ = ["api_card", "live_card", "page_of", "run_card", "runs_card", "sparks"]

_METRICS_SHOWN = 16
_CONFIG_SHOWN = 12
_RUNS_SHOWN = 20
_COLUMNS_SHOWN = 5


def run_card(run: Run) -> Cell:
    """Who it is, its config, its metrics with their curves; what cannot be asked for any more is left out."""
    head = _head(run.path, run.name, run.id, run.state, run.tags, page_of(run.reader, run.project, run.id))
    facts = [ago(run.created) + " UTC"]
    facts += [took] if (took := _took(run)) else []
    facts += [f"{run.ranks} ranks"] if run.ranks > 1 else []
    facts += [f"{run.attempts} attempts"] if run.attempts > 1 else []
    try:
        metrics = _metrics(run)
    except StepwellError as error:
        metrics = f'<div class="m">its metrics cannot be read now: {text(error, 200)}</div>'
    notes = f"<div>{text(run.notes, 400)}</div>" if run.notes else ""
    grid = f'<div class="g"><div>{metrics}</div><div>{_config(run.config)}</div></div>'
    return framed(head, f'<div class="m">{" · ".join(facts)}</div>', notes, grid)


def live_card(run: LiveRun) -> Cell:
    """What this process knows by itself: nothing is read, so that it costs a training process nothing."""
    word = "finished" if run.finished else "disabled" if run.mode == "disabled" else "live"
    head = _head(run.path, run.name, run.id, word, run.tags, run.url or "")
    where = f"recorded in {text(run.dir, 120)}" if run.dir is not None else "nothing is recorded"
    notes = f"<div>{text(run.notes, 400)}</div>" if run.notes else ""
    summary = _leaf_table("summary", run.summary)
    hint = (
        ""
        if run.mode == "disabled"
        else '<div class="m">its curves: <code>run.plot()</code> or <code>run.live()</code></div>'
    )
    grid = f'<div class="g"><div>{_config(run.config)}</div><div>{summary}</div></div>'
    return framed(head, f'<div class="m">{where}</div>', notes, grid, hint)


def runs_card(runs: Runs) -> Cell:
    """The newest, with the config by which they differ and their last values."""
    if not len(runs):
        return framed('<div class="m">no runs match</div>')
    infos = runs.newest(_RUNS_SHOWN)
    note = f"{len(infos)} of {len(runs):,} runs shown" if len(runs) > len(infos) else f"{len(runs):,} runs"
    return framed(_runs_table(runs.reader, infos, note, values=True))


def api_card(api: Api) -> Cell:
    """Where it reads, and the newest runs there."""
    head = f"<div><b>stepwell.Api</b> of {link(api.where, text(api.where, 120))}</div>"
    try:
        infos = api.reader.runs(limit=10)
    except StepwellError as error:
        return framed(head, f'<div class="m">{text(error, 300)}</div>')
    if not infos:
        return framed(head, '<div class="m">nothing is recorded there yet</div>')
    return framed(
        head, _runs_table(api.reader, infos, "the newest runs; all of them: <code>api.runs()</code>", values=False)
    )


def page_of(reader: Reader, project: str, id: str) -> str:
    """The address of the run's page, where a service is what is read; else ""."""
    where = reader.where.rstrip("/")
    return f"{where}/#/{quote(project, safe='')}/{quote(id, safe='')}" if where.startswith("http") else ""


def sparks(reader: Reader, run: str, names: Sequence[str]) -> dict[str, Cell]:
    """By metric, its curve as small as a word."""
    answers = reader.series([SeriesAsked(run, name) for name in names], buckets=96)
    return {answer.asked.metric: sparkline(*_bounds(answer)) for answer in answers if answer.extent.seen > 1}


def _bounds(answer: Series) -> tuple[Any, Any]:
    columns = answer.columns
    if "low" in columns:
        return columns["low"], columns["high"]
    values = columns["value"]
    if len(values) <= 96:
        return values, values
    pieces = np.array_split(np.where(np.isfinite(values), values, np.nan), 96)
    with np.errstate(invalid="ignore"):
        low = np.array([np.min(piece[~np.isnan(piece)], initial=np.inf) for piece in pieces])
        return low, np.array([np.max(piece[~np.isnan(piece)], initial=-np.inf) for piece in pieces])


def _head(path: str, name: str, id: str, word: str, tags: Sequence[str], address: str) -> Cell:
    called = f" {text(name, 80)}" if name != id else ""
    chips = "".join(f'<span class="t">{text(tag, 30)}</span>' for tag in tags)
    page = f' <span class="m">{link(address, "open its page")}</span>' if address else ""
    return f"<div>{state(word)} &nbsp;<b>{text(path, 100)}</b>{called}{chips} {page}</div>"


def _metrics(run: Run) -> Cell:
    infos = run.metrics
    if not infos:
        return '<div class="m">nothing logged yet</div>'
    shown = infos[:_METRICS_SHOWN]
    drawn = sparks(run.reader, str(run.key.uuid), [info.name for info in shown if info.kind == "scalar"])
    columns = (("metric", False), ("", False), ("last", True), ("min", True), ("max", True), ("points", True))
    more = f"{len(shown)} of {len(infos):,} metrics; all of them: <code>run.metrics</code>"
    return table(columns, [_metric(info, drawn) for info in shown], more if len(infos) > len(shown) else "")


def _metric(info: MetricInfo, drawn: Mapping[str, Cell]) -> list[Cell]:
    if info.kind != "scalar":
        return [text(info.name), f'<span class="m">{text(info.kind)}</span>', "", "", "", f"{info.points:,}"]
    values = [number(value) for value in (info.last, info.min, info.max)]
    return [text(info.name), drawn.get(info.name, ""), *values, f"{info.points:,}"]


def _config(config: Mapping[str, Any]) -> Cell:
    return _leaf_table("config", config)


def _leaf_table(title: str, tree: Mapping[str, Any]) -> Cell:
    """The rest behind a fold, which opens without script."""
    leaves = list(_leaves(tree, ""))
    if not leaves:
        return ""
    columns = ((title, False), ("", False))
    rows = [[f'<span class="m">{text(name)}</span>', number(value)] for name, value in leaves]
    rest = rows[_CONFIG_SHOWN:]
    fold = f"<details><summary>{len(rest)} more</summary>{table(columns, rest)}</details>" if rest else ""
    return table(columns, rows[:_CONFIG_SHOWN]) + fold


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _took(run: Run | RunInfo) -> str:
    from ..query.runs import took

    return took(run.started, run.ended)


def _runs_table(reader: Reader, infos: Sequence[RunInfo], note: Cell, *, values: bool) -> Cell:
    """values: with columns of config and summary, which runs of one project share."""
    trees = [(dict(_leaves(info.config, "")), dict(_leaves(info.summary, ""))) for info in infos]
    config = _differing([tree for tree, _ in trees]) if values else []
    summary = _common([tree for _, tree in trees]) if values else []
    columns = [("run", False), ("name", False), ("state", False), ("created (UTC)", False), ("took", True)]
    columns += [(f"config.{name}" if name in summary else name, True) for name in config]
    columns += [(f"summary.{name}" if name in config else name, True) for name in summary] + [("tags", False)]
    rows = []
    for info, (options, last) in zip(infos, trees, strict=True):
        page = page_of(reader, info.key.project, info.key.id)
        path = text(str(info.key))
        rows.append([
            link(page, path) if page else path, text(info.name), state(info.state), ago(info.created), _took(info),
            *(number(options.get(name, "")) for name in config), *(number(last.get(name, "")) for name in summary),
            text(", ".join(info.tags)),
        ])  # fmt: skip
    return table(columns, rows, note)


def _differing(trees: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys that do not have one value in all of them; of one run, its first."""
    names = dict.fromkeys(name for tree in trees for name in tree)
    if len(trees) > 1:
        names = {name: None for name in names if len({repr(tree.get(name)) for tree in trees}) > 1}
    return list(names)[:_COLUMNS_SHOWN]


def _common(trees: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys that most of them have, the most frequent first."""
    counts: dict[str, int] = {}
    for tree in trees:
        for name in tree:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])[:_COLUMNS_SHOWN]
