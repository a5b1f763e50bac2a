"""`python -m stepwell.query.last_step --home DIR PROJECT/ID RANK`: what a resume has to know, as one line of JSON.

A process of its own, so that a training process loads no store and no HTTP client to resume a run.
"""

from __future__ import annotations

import json
import os
import sys

import click

from ..errors import RunTrashed, StepwellError
from ..ids import split_run
from .records import RunKey
from .wire import last_step_to_json

__all__ = ["main"]

_TRASHED = 3  # the exit code that run/resume.py knows


@click.command()
@click.option("--home", "home", type=click.Path(file_okay=False), help="STEPWELL_HOME, if not the environment's.")
@click.argument("run")
@click.argument("rank", type=click.IntRange(0, (1 << 32) - 1))
def main(home: str | None, run: str, rank: int) -> None:
    """Prints {"exists": bool, "last_step": int or null, "attempt": int}; exit code 1 where nobody can tell, 3 for a
    run in the trash.
    """
    from .api import open_reader

    if home:
        os.environ["STEPWELL_HOME"] = home
    try:
        project, run_id = split_run(run)
        if project is None:
            raise StepwellError(f"a run is named project/id here, not {run!r}")
        reader = open_reader()
        try:
            print(json.dumps(last_step_to_json(reader.last_step(RunKey(project, run_id), rank))))  # noqa: T201
        finally:
            reader.close()
    except StepwellError as error:
        print(f"stepwell: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(_TRASHED if isinstance(error, RunTrashed) else 1)


if __name__ == "__main__":
    main()
