"""`stepwell runs`: what was recorded."""

from __future__ import annotations

import click

from .output import print_json, reading_options, terminal

__all__ = ["runs"]


@click.command()
@click.argument("filter", required=False)
@click.option("-p", "--project", help="Only of this project.")
@click.option("-n", "--limit", type=click.IntRange(1, 5_000), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with config and summary.")
@reading_options
def runs(
    filter: str | None, project: str | None, limit: int, as_json: bool, server: str | None, home: str | None
) -> None:
    """Lists runs, newest first, or those that match FILTER.

    \b
      stepwell runs
      stepwell runs 'state == "running"'
      stepwell runs 'config.lr > 1e-3 and summary["val/acc"] > 0.9'
      stepwell runs '"baseline" in tags and created >= "2026-01-31"'
    """
    from ..query import Api
    from ..query.runs import runs_table

    with Api(server, home) as api:
        found = api.reader.runs(project=project, filters=filter, limit=limit + 1, last=as_json)
        shown, more = found[:limit], len(found) > limit
        if as_json:
            print_json([
                {
                    "run": str(info.key), "name": info.name, "state": info.state, "created": info.created,
                    "started": info.started, "ended": info.ended, "tags": info.tags, "config": info.config,
                    "summary": info.summary,
                }
                for info in shown
            ])  # fmt: skip
            return
        out = terminal()
        if not shown:
            out.print(f"no runs match in {api.where}" if filter or project else f"nothing recorded yet in {api.where}")
            return
        out.print(runs_table(shown))
        if more:
            out.print(f"[dim]there are more: --limit {limit * 2}, or a filter[/]")
