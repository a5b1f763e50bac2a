"""`stepwell artifacts` and `stepwell download`: what is kept under names, and getting it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from .output import bytes_text, print_json, reading_options, terminal

if TYPE_CHECKING:
    from ..query import Artifact

__all__ = ["artifacts", "download"]


@click.command()
@click.argument("project")
@click.option("-t", "--type", help="Only of this type: checkpoint, dataset, ...")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@reading_options
def artifacts(project: str, type: str | None, as_json: bool, server: str | None, home: str | None) -> None:
    """Lists the newest version of each artifact of PROJECT, or every version of PROJECT/NAME.

    \b
      stepwell artifacts digits
      stepwell artifacts digits/model.npz
      stepwell artifacts digits --type dataset
    """
    from ..query import Api

    project, slash, name = project.partition("/")
    with Api(server, home) as api:
        found = api.artifacts(project, name=name if slash else None, type=type)
        if not slash:
            found = list({(one.type, one.name): one for one in found if one.state != "deleted"}.values())
        if as_json:
            print_json([_plain(one) for one in found])
            return
        out = terminal()
        if not found:
            out.print(f"no artifacts of {project}{slash}{name} in {api.where}")
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("artifact", "type", "aliases", "size", "made (UTC)", "by run", "state"):
            table.add_column(column, overflow="fold" if column == "artifact" else "ellipsis")
        for one in found:
            table.add_row(
                Text(one.path), Text(one.type), Text(", ".join(one.aliases)), bytes_text(one.size),
                f"{one.time:%Y-%m-%d %H:%M:%S}", Text(one.run.id), Text(one.state),
            )  # fmt: skip
        out.print(table)


@click.command()
@click.argument("artifact")
@click.argument("directory", type=click.Path(file_okay=False))
@click.option("-f", "--file", "patterns", multiple=True, help="Only files that match, such as 'weights/*'.")
@click.option("-t", "--type", help="Of the artifact, where several of this name have different ones.")
@reading_options
def download(
    artifact: str, directory: str, patterns: tuple[str, ...], type: str | None, server: str | None, home: str | None
) -> None:
    """Downloads ARTIFACT (PROJECT/NAME:v3, :latest or another alias) to DIRECTORY, every byte checked.

    \b
      stepwell download digits/model.npz:best restored
      stepwell download digits/data:v3 data -f '*.parquet'
    """
    from ..query import Api

    with Api(server, home) as api:
        found = api.artifact(artifact, type=type)
        paths = found.download(directory, *patterns)
        size = sum(path.stat().st_size for path in paths)
        out = terminal()
        out.print(f"[green]✓[/] {len(paths)} file{'' if len(paths) == 1 else 's'} ({bytes_text(size)}) of ", end="")
        out.print(Text(f"{found.path} in {directory}"))
        for file in found.files:
            if file.uri:
                out.print(Text(f"  {file.path} is a reference to {file.uri}", style="dim"))


def _plain(one: Artifact) -> dict[str, Any]:
    return {
        "artifact": one.path, "type": one.type, "kind": one.kind, "version": one.version, "aliases": one.aliases,
        "state": one.state, "size": one.size, "step": one.step, "time": one.time, "run": str(one.run),
        "digest": one.digest, "metadata": dict(one.metadata),
    }  # fmt: skip
