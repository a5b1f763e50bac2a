"""Recording and looking in a real Jupyter kernel: what is said, recorded, drawn, and how a kernel's end is told.

One kernel for all tests of the file, in order; the one that restarts it comes last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from notebooks import Kernel, kernel_running
from support import end_processes_of

HOSTILE = "<img src=x onerror=alert(1)>"
RECORD = f"""
import math, stepwell
run = stepwell.init(project="nb", id="first", name={HOSTILE!r}, tags=["<b>tag</b>"], notes="<i>note</i>",
                    config={{"lr": 0.1, "<u>key</u>": "<s>value</s>"}}, settings={{"capture": False}})
for step in range(3000):
    run.log({{"train/loss": 50.0 if step == 1234 else 1 / (step + 1)}})
for step in range(10):
    run.log({{"val/$loss$": math.nan if step == 5 else 1.0 - step / 20}}, step=step * 100)
run.log({{"w": stepwell.Histogram([1.0, 2.0, 3.0])}}, step=0)
open("ck<b>.bin", "w").write("x")
run.log_checkpoint("ck<b>.bin")
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("notebook")
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("STEPWELL_") and name != "STEPWELL_REQUIRE_ALL"]:
            patch.delenv(name)
        patch.setenv("STEPWELL_HOME", str(home))
        patch.setenv("STEPWELL_LIVE_INTERVAL_S", "0.1")
        patch.setenv("STEPWELL_AGENT_LINGER_S", "2")
        patch.chdir(folder)
        with kernel_running() as running:
            yield running
        end_processes_of(home)


def test_init_is_a_calm_note_with_everything_escaped(kernel: Kernel) -> None:
    cell = kernel.run(RECORD)
    assert cell.stderr == ""
    note, handle = cell.displays
    assert "recording nb/first" in note["text/plain"]
    assert "see it: stepwell ui nb/first" in note["text/plain"]
    assert HOSTILE not in note["text/html"]
    assert "&lt;img" in note["text/html"]
    assert list(handle) == ["text/plain"], "what log_checkpoint gave: the cell's last line"


def test_output_of_every_cell_is_recorded_and_bars_stay_readable(kernel: Kernel) -> None:
    kernel.run("print('second cell')")
    kernel.run("import sys\nfrom tqdm import tqdm\nfor _ in tqdm(range(20), file=sys.stderr): pass")
    kernel.run("from tqdm.notebook import tqdm as bar\nfor _ in bar(range(5)): print('inside')")


def test_a_live_run_shows_itself_without_reading(kernel: Kernel) -> None:
    cell = kernel.run("run")
    for piece in ("nb/first", "&lt;b&gt;tag&lt;/b&gt;", "&lt;i&gt;note", "&lt;u&gt;key&lt;/u&gt;", "run.live()"):
        assert piece in cell.html
    assert HOSTILE not in cell.html
    assert "<script" not in cell.html


def test_an_interrupt_leaves_the_run_going(kernel: Kernel) -> None:
    begun = kernel.start("print('begun', flush=True)\nwhile True: run.log({'spin': 1.0})", "begun")
    assert kernel.interrupt(begun) == "KeyboardInterrupt"
    assert kernel.run("run.log({'after': 2.0}); print(run.finished)").stdout == "False\n"


def test_a_second_init_finishes_the_first_and_says_so(kernel: Kernel) -> None:
    cell = kernel.run("stepwell.init(project='nb', id='second', settings={'capture': False})\nstepwell.finish()")
    assert cell.stderr == ""
    assert "nb/first was still live here, and was finished" in cell.said
    assert "nb/second is recorded in" in cell.said


def test_all_that_was_recorded_can_be_read_there(kernel: Kernel) -> None:
    cell = kernel.run(
        "api = stepwell.Api(); run = api.run('nb/first')\n"
        "print(run.state, run.summary['after'], *[line.text for line in run.console()], sep='\\n')"
    )
    state, after, *lines = cell.stdout.splitlines()
    assert (state, after) == ("finished", "2.0")
    assert lines.count("second cell") == 1
    assert sum("100%" in line and "20/20" in line for line in lines) == 1
    assert lines.count("inside") == 5


SHOWN = [
    ("api", "nb/second"),
    ("api.runs('nb')", "0.1"),
    ("run", "<path d="),
    ("run.metrics", "train/loss"),
    ("run.history('train/loss', 'val/*')", "3,000 rows"),
    ("api.history(['nb/first'], 'train/loss')", "nb/first"),
    ("run.checkpoints()", "ck&lt;b&gt;.bin"),
    ("run.checkpoints()[0]", "ck&lt;b&gt;.bin"),
    ("run.histograms('w')", "<rect"),
    ("run.histograms('w')[0]", "3 values"),
]


@pytest.mark.parametrize(("source", "piece"), SHOWN, ids=[source for source, _ in SHOWN])
def test_what_api_gives_shows_itself(source: str, piece: str, kernel: Kernel) -> None:
    cell = kernel.run(source)
    assert piece in cell.html
    assert "<script" not in cell.html
    assert HOSTILE not in cell.html
    assert "<b>tag" not in cell.html


def test_another_arrow_table_is_left_alone(kernel: Kernel) -> None:
    assert "text/html" not in kernel.run("import pyarrow as pa; pa.table({'a': [1]})").displays[-1]


def test_a_plot_is_a_picture_in_html_and_png(kernel: Kernel) -> None:
    cell = kernel.run("run.plot('train/*', 'val/*', smoothing=0.5)")
    bundle = cell.displays[-1]
    assert "<svg" in bundle["text/html"]
    assert "val/$loss$" in bundle["text/html"]
    assert "1 not finite" in bundle["text/html"]
    assert "EMA 0.5" in bundle["text/html"]
    assert bundle["image/png"].startswith("iVBOR")


def test_a_plot_can_be_changed_and_saved(kernel: Kernel) -> None:
    kernel.run(
        "plot = api.runs('nb').plot('train/loss', log_y=True)\nplot.figure.axes[0].axhline(0.5)\nplot.save('loss.png')"
    )
    assert (Path.cwd() / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert "ending" in kernel.try_run("plot.save('loss.doc')").error


def test_a_name_that_nothing_has_is_refused_with_those_that_are_there(kernel: Kernel) -> None:
    error = kernel.try_run("run.plot('trian/loss')").error
    assert error.startswith("NotFound: no scalar metric of nb/first is called 'trian/loss'; there are: train/loss")


LIVE = """
import time, threading
api.close()
live = stepwell.init(project="nb", id="live", settings={"capture": False, "quiet": True})
threads = set(threading.enumerate())
view = live.live("train/*")
end = time.monotonic() + 100
while b"train/loss" not in view._display.last and time.monotonic() < end:  # a curve has come while the cell runs
    live.log({"train/loss": 1.0})
    time.sleep(0.05)
print("threads", set(threading.enumerate()) - threads)
"""


def test_a_live_view_is_drawn_anew_while_the_cell_runs_and_without_a_thread(kernel: Kernel) -> None:
    cell = kernel.run(LIVE)
    assert cell.stdout == "threads set()\n"
    curves = [update["text/html"] for update in cell.updates if "train/loss" in update["text/html"]]
    assert curves, [update["text/html"][-300:] for update in cell.updates]
    assert "nb/live" in curves[-1]


def test_a_live_view_ends_with_its_run(kernel: Kernel) -> None:
    cell = kernel.run(
        "live.finish()\nimport asyncio\n"
        "while view.going_on: await asyncio.sleep(0.05)\n"
        "print('finished' in view._display.last.decode())"
    )
    assert cell.stdout == "True\n"


def test_a_restarted_kernel_leaves_its_run_crashed_and_the_cell_runs_again(kernel: Kernel) -> None:
    again = "import stepwell\nrun = stepwell.init(project='nb', id='again', settings={'capture': False})\n"
    kernel.run(again + "run.log({'x': 1.0}); run.config.layers = [1]; run.config.layers.append(2)")
    kernel.restart()
    cell = kernel.run(
        "import asyncio, stepwell\napi = stepwell.Api()\n"
        "while api.run('nb/again').state == 'running': await asyncio.sleep(0.1)\n"
        "print(api.run('nb/again').state, api.run('nb/again').config)"
    )
    assert cell.stdout == "crashed {'layers': [1, 2]}\n"
    assert "nb/again has been recorded before: this is a new attempt" in kernel.run(again).said
