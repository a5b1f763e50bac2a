"""`stepwell serve`: one process that takes in what agents send and answers who reads."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .migrate import blobs_option, metrics_option
from .output import terminal

if TYPE_CHECKING:
    from ..service import Running

__all__ = ["serve"]


@click.command()
@click.option(
    "--http",
    metavar="HOST:PORT",
    envvar="STEPWELL_HTTP",
    help="Of reading and the fallback ingestion [127.0.0.1:7450 or the next free]",
)
@click.option(
    "--grpc",
    metavar="HOST:PORT",
    envvar="STEPWELL_GRPC",
    help="Of ingestion [127.0.0.1:7451 or the next free]",
)
@click.option(
    "--advertise-grpc",
    metavar="HOST:PORT",
    envvar="STEPWELL_ADVERTISE_GRPC",
    help="What clients dial for gRPC, where it is not the above.",
)
@metrics_option
@blobs_option
@click.option(
    "--token-file",
    metavar="F",
    envvar="STEPWELL_TOKEN_FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Made if missing.",
)
def serve(
    http: str | None,
    grpc: str | None,
    advertise_grpc: str | None,
    metrics: str | None,
    blobs: str | None,
    token_file: Path | None,
) -> None:
    """Serves this home until Ctrl-C. Runs on this machine find it by themselves.

    \b
      stepwell serve
      stepwell serve --http 0.0.0.0:7450 --grpc 0.0.0.0:7451     # for other machines, see `stepwell login`
      stepwell serve --metrics clickhouse://user:password@db:8123/stepwell --blobs "s3://stepwell?endpoint=minio:9000"

    Every option can be given by a variable instead: STEPWELL_HTTP, STEPWELL_GRPC, STEPWELL_ADVERTISE_GRPC,
    STEPWELL_METRICS_URL, STEPWELL_BLOBS_URL, STEPWELL_TOKEN_FILE, and the token itself by STEPWELL_TOKEN.
    """
    from ..platforms import needs_unix

    needs_unix("A service")
    from ..home import Home
    from ..query.embedded import missing_extra

    try:
        from ..service import serve as run_service
    except ImportError as error:
        raise missing_extra("`stepwell serve`", error) from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("urllib3", "clickhouse_connect"):  # each try of a request; what came of it is said by the stores
        logging.getLogger(noisy).setLevel(logging.ERROR)
    run_service(
        Home(),
        http=http,
        grpc=grpc,
        metrics_url=metrics,
        blobs_url=blobs,
        token_file=token_file,
        advertise_grpc=advertise_grpc,
        on_ready=_say,
    )


def _say(running: Running) -> None:
    out = terminal()
    out.print(f"[bold green]stepwell serves[/] {running.url}  [dim](gRPC {running.grpc})[/]")
    out.print(
        f"[dim]metrics[/] {running.metrics}\n[dim]blobs[/]   {running.blobs}\n[dim]token[/]   {running.token_file}"
    )
    out.print("[dim]Runs of this home find it by themselves. Elsewhere:[/] stepwell login " + running.url)
    out.print("[dim]Ctrl-C stops it; what is under way is stored first.[/]")
