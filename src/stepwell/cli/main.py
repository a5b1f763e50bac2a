"""The group of commands, and what becomes of an error: one red line and exit code 1, never a traceback."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from ..errors import StepwellError
from ..version import VERSION
from .artifacts import artifacts, download
from .demo import demo
from .doctor import doctor
from .export import export
from .gc import gc, retention
from .grafana import grafana
from .hold import hold, holds
from .login import login
from .migrate import migrate
from .moving import import_
from .output import fail
from .runs import runs
from .serve import serve
from .show import show
from .sync import sync
from .trash import purge, restore, trash
from .ui import ui

__all__ = ["main"]

COMMANDS = (
    demo, ui, serve, runs, show, artifacts, download, export, import_, trash, restore, purge, hold, holds, retention,
    gc, sync, login, migrate, grafana, doctor,
)  # fmt: skip


class _Group(click.Group):
    """Commands in the order of COMMANDS; errors made on purpose are said in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return [command.name or "" for command in COMMANDS]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StepwellError as error:
            fail(str(error))
            ctx.exit(1)
        except BrokenPipeError:  # `stepwell runs | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(141)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, "-V", "--version", message="stepwell %(version)s")
def main() -> None:
    """Records training runs and gives them back exactly.

    \b
    In a script:       import stepwell
                       run = stepwell.init(project="digits", config={"lr": 1e-3})
                       run.log({"loss": loss}); run.finish()
    Look at it:        stepwell ui
                       stepwell show digits/ID
    See it work:       stepwell demo

    Everything lives in STEPWELL_HOME (by default the user's data folder). No server is needed; `stepwell serve`
    keeps one, which other machines reach by STEPWELL_SERVER.
    """


for _command in COMMANDS:
    main.add_command(_command)
