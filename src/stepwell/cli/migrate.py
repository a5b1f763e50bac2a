"""`stepwell migrate`: what the stores' schema is, what a change of it would be, and the change."""

from __future__ import annotations

import click
from rich.markup import escape

from .output import print_json, terminal

__all__ = ["blobs_option", "metrics_option", "migrate"]

metrics_option = click.option(
    "--metrics",
    metavar="URL",
    envvar="STEPWELL_METRICS_URL",
    help="clickhouse://user:pass@host:port/db, or chdb:///dir [in the home]",
)
blobs_option = click.option(
    "--blobs",
    metavar="URL",
    envvar="STEPWELL_BLOBS_URL",
    help="s3://BUCKET?endpoint=HOST:PORT, or file:///dir [in the home]",
)


@click.command()
@click.argument("action", type=click.Choice(["plan", "apply", "status"]))
@metrics_option
@blobs_option
@click.option("--json", "as_json", is_flag=True, help="As JSON (plan and status).")
@click.pass_context
def migrate(ctx: click.Context, action: str, metrics: str | None, blobs: str | None, as_json: bool) -> None:
    """Brings the stores to this version's schema, or says what that would do.

    \b
      status   which schema is there, on which node; exit code 1 where it is not this version's
      plan     the statements that `apply` would run, changing nothing
      apply    runs them; makes the database and the bucket where they are missing

    \b
      stepwell migrate plan --metrics clickhouse://admin:password@db:8123/stepwell
      stepwell migrate apply --metrics clickhouse://admin:password@db:8123/stepwell --blobs "s3://stepwell?endpoint=minio:9000"

    `stepwell serve` applies what is missing at its start: run this by itself where only somebody else may change
    the database, and give the service a user that may not.
    """
    from ..home import Home
    from ..query.embedded import missing_extra

    try:
        from ..stores.blobs import open_blobs
        from ..stores.local import local_urls
        from ..stores.metrics import open_metrics
        from ..stores.migrate import LATEST
    except ImportError as error:
        raise missing_extra("`stepwell migrate`", error) from error
    home = Home()
    home.make(home.store)
    default_metrics, default_blobs = local_urls(home)
    store = open_metrics(metrics or default_metrics)
    try:
        if action == "apply":
            store.migrate()
            kept = open_blobs(blobs or default_blobs)
            kept.prepare()
            kept.check()
            said = f"{escape(store.where)} has schema {LATEST}\n{escape(kept.where)} is ready"
            terminal().print(said, soft_wrap=True)
            return
        plan = store.migration_plan()
    finally:
        store.close()
    if as_json:
        pending = {migration.name: list(statements) for migration, statements in plan.pending}
        print_json({"latest": LATEST, "nodes": dict(plan.versions), "pending": pending})
    elif action == "status":
        for node, version in plan.versions.items():
            terminal().print(f"{escape(node)}: schema {version} of {LATEST}", soft_wrap=True)
    else:
        for migration, statements in plan.pending:
            terminal().print(f"-- {migration.name}")
            for statement in statements:
                click.echo(f"{statement};\n")
        if not plan.pending:
            terminal().print(f"nothing to do: {escape(store.where)} has schema {LATEST}", soft_wrap=True)
    ctx.exit(1 if action == "status" and plan.pending else 0)
