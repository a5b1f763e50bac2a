"""How runs begin and end, and what bad input and bad surroundings do: an error to act on, or a documented behaviour."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwell.home import Home
from stepwell.run.attempts import known_run
from support import processes_of, wait_for

Script = Callable[..., "subprocess.CompletedProcess[str]"]
QUIET = "settings={'quiet': True, 'capture': False}"
HEAVY = ["grpc", "google.protobuf", "numpy", "chdb", "clickhouse_connect", "fastapi", "pyarrow", "urllib.request"]
OFFLINE = f"stepwell.init(project='p', id='r', mode='offline', {QUIET})\n"


def test_import_is_light() -> None:
    source = f"import stepwell, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", source], text=True) == "[]\n"


def test_init_and_log_import_nothing_heavy_either(script: Script) -> None:
    done = script(
        "run = stepwell.init(); run.log({'x': 1.0, 't': 'text'}); run.config.a = 1\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert done.stdout == "[]\n", done.stderr


def test_init_prints_two_lines_on_stderr(script: Script, home: Path) -> None:
    done = script("run = stepwell.init(project='p', id='r'); os._exit(0)")
    where, look = done.stderr.splitlines()
    assert where.startswith("stepwell: recording p/r")
    assert str(home) in where
    assert look == "stepwell: see it: stepwell ui p/r"
    assert done.stdout == ""


def test_quiet_prints_nothing(script: Script) -> None:
    done = script(OFFLINE)
    assert (done.stdout, done.stderr) == ("", "")


def test_disabled_writes_nothing(script: Script, home: Path) -> None:
    done = script(
        "run = stepwell.init(mode='disabled', config={'a': {'b': 1}})\n"
        "run.log({'x': 1, 'y': object()}); run.log_checkpoint('/nowhere'); run.summary.x = 1; run.config.a.b = 2\n"
        "assert run.config == {'a': {'b': 2}} and run.url is None and run.dir is None and run.drained\n"
        "assert stepwell.run is run\n"
        "run.finish()"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not home.exists()


def test_a_second_init_returns_the_live_run_with_a_warning(script: Script) -> None:
    done = script(
        OFFLINE + f"assert stepwell.init(project='q', {QUIET}) is stepwell.run\nassert stepwell.run.id == 'r'"
    )
    assert done.returncode == 0
    assert "p/r is live" in done.stderr


def test_in_a_notebook_a_second_init_finishes_the_first(script: Script) -> None:
    done = script(
        "import builtins; builtins.__IPYTHON__ = True\n"
        f"first = {OFFLINE}second = stepwell.init(project='p', id='s', mode='offline', {QUIET})\n"
        "assert first.finished and stepwell.run is second and not second.finished"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_forked_child_may_begin_a_run_of_its_own(script: Script, home: Path) -> None:
    done = script(
        OFFLINE + "pid = os.fork()\n"
        f"if pid == 0:\n    child = stepwell.init(project='p', id='child', mode='offline', {QUIET})\n"
        "    child.log({'x': 1}); child.finish(); os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0 and stepwell.run.id == 'r'"
    )
    assert done.returncode == 0, done.stderr
    assert known_run(Home(home), "p", "child") is not None


LOGS = [
    ("after finish", "run.finish(); run.log({'x': 1}); run.log({'x': 2})", "after p/r was finished", 1),
    ("module level without a run", "run.finish(); stepwell.log({'x': 1})", "finished", 1),
    ("an object, twice", "run.log({'x': object()}); run.log({'x': object()})", "x (object)", 1),
    ("no dict", "run.log(5)", "log takes a dict", 1),
    ("an empty dict", "run.log({}); assert stepwell.run._recorder.last_step is None", "", 0),
    ("a key that is no string", "run.log({1: 2.0})", "name is a string", 1),
    ("a 10 MB key", "run.log({'k' * 10_000_000: 2.0, 'good': 1.0})", "", 0),
    ("a huge int", "run.log({'x': 2**64})", "nearest double", 1),
    ("a fractional step", "run.log({'x': 1}, step=0.5)", "whole number", 1),
    ("a huge step", "run.log({'x': 1}, step=2**63)", "63 bits", 1),
    ("an odd time", "run.log({'x': 1}, time='now')", "seconds since 1970", 1),
    ("NaN and infinities", "run.log({'x': float('nan'), 'y': float('inf')}, step=-(2**63))", "", 0),
    ("the largest step, and the next", "run.log({'x': 1}, step=2**63 - 1); run.log({'x': 1})", "", 0),
]


@pytest.mark.parametrize(("source", "said", "lines"), [case[1:] for case in LOGS], ids=[case[0] for case in LOGS])
def test_a_bad_log_call_never_raises_and_says_it_once(source: str, said: str, lines: int, script: Script) -> None:
    done = script("run = " + OFFLINE + source + "\nprint('went on')")
    assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == lines or not lines, done.stderr


def test_strict_raises_and_still_records_the_rest(script: Script) -> None:
    done = script(
        "run = stepwell.init(project='p', mode='offline', settings={'strict': True, 'quiet': True, 'capture': False})\n"
        "before = run._recorder.row_seq\n"
        "try:\n    run.log({'a': 1, 'b': object()})\n"
        "except stepwell.errors.InvalidValue as error:\n    print(error, run._recorder.row_seq - before)"
    )
    assert done.stdout.startswith("b (object)")
    assert done.stdout.endswith(" 1\n")


REFUSED = [
    ("an id with a slash", "id='a/b'", "InvalidValue"),
    ("an id of 300 characters", "id='x' * 300", "InvalidValue"),
    ("a mode", "mode='on'", "InvalidValue"),
    ("a resume", "resume='yes'", "InvalidValue"),
    ("tags that are no texts", "tags=[1]", "InvalidValue"),
    ("a name that is no text", "name=5", "InvalidValue"),
    ("a setting", "settings={'ring': 5}", "SettingsError"),
    ("a server with a password", "server='http://me:s3cret@host'", "InvalidValue"),
    ("a server that is no URL", "server='ftp://host'", "InvalidValue"),
    ("a config file that is not there", "config='/nowhere.yaml'", "InvalidValue"),
    ("resume must, of nothing", "id='x', resume='must', settings={'resume_timeout_s': 60}", "NotFound"),
    (
        "resume must, of an unreachable service",
        "id='x', resume='must', server='http://127.0.0.1:9'",
        "ServiceUnavailable",
    ),
]


@pytest.mark.parametrize(("arguments", "error"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_init_refuses(arguments: str, error: str, script: Script) -> None:
    done = script(f"stepwell.init({arguments})")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"stepwell.errors.{error}: "), done.stderr
    assert "s3cret" not in done.stderr.splitlines()[-1]


def test_never_refuses_an_id_that_was_recorded(script: Script) -> None:
    source = f"stepwell.init(project='p', id='r', resume='never', mode='offline', {QUIET})"
    assert script(source).returncode == 0
    assert "RunExists" in script(source).stderr


def test_an_unwritable_home_is_named(script: Script, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = script("stepwell.init()", env={"STEPWELL_HOME": str(tmp_path / "file" / "home")})
    assert "HomeError: cannot make" in done.stderr
    assert "Set STEPWELL_HOME" in done.stderr


ENDS = [
    ("falls off the end", "", 0),
    ("sys.exit", "sys.exit(3)", 3),
    ("sys.exit of a text", "sys.exit('no')", 1),
    ("an exception", "raise KeyError('x')", 1),
    ("Ctrl-C", "raise KeyboardInterrupt", 130),
    ("finish with a code", "run.finish(exit_code=7)", 7),
    ("an exception in a with", "with run: raise KeyError('x')", 1),
    ("sys.exit in a with", "with run: sys.exit(2)", 2),
]


@pytest.mark.parametrize(("source", "code"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS])
def test_the_exit_code_is_recorded(source: str, code: int, script: Script, tmp_path: Path) -> None:
    note = tmp_path / "event"
    script(
        "run = " + OFFLINE + "import json\nfrom stepwell.run.run import Run\nevent = Run._event\n"
        "def noted(self, kind, body):\n    event(self, kind, body)\n"
        "    open(sys.argv[1], 'w').write(json.dumps([kind, body]))\n"
        "Run._event = noted\n" + source,
        str(note),
    )
    kind, body = json.loads(note.read_text())
    assert (kind, body["exit_code"]) == ("finish", code)


def test_hooks_are_put_back(script: Script) -> None:
    done = script(
        "before = sys.excepthook, sys.exit, sys.stdout.write\n"
        + OFFLINE
        + "assert sys.exit is not before[1]\nstepwell.finish()\n"
        "assert (sys.excepthook, sys.exit) == before[:2] and 'write' not in vars(sys.stdout)\nprint('same')"
    )
    assert done.stdout == "same\n", done.stderr


def test_ctrl_c_ends_the_wait_of_finish(home: Path, tmp_path: Path) -> None:
    """With a service that never answers, and no bound that would end the wait first."""
    source = (
        "import stepwell\nfrom stepwell.run import run as module\n"
        "stepwell.init(project='p', id='r', settings={'capture': False, 'finish_stall_timeout_s': 300.0})\n"
        "wait = module.wait_until_kept\n"
        "def for_ever(*a):\n    print('waiting', flush=True)\n    return wait(*a[:-1], lambda: False)\n"
        "module.wait_until_kept = for_ever\n"
        "stepwell.finish(timeout=300)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0


def test_a_spawned_child_begins_its_own(script: Script, home: Path) -> None:
    done = script(
        "import multiprocessing\n"
        "def work():\n"
        f"    run = stepwell.init(project='p', id='spawned', mode='offline', {QUIET})\n    run.log({{'x': 1}})\n"
        "if __name__ == '__main__':\n    " + OFFLINE.strip() + "\n"
        "    child = multiprocessing.get_context('spawn').Process(target=work)\n    child.start(); child.join()\n"
        "    assert child.exitcode == 0 and stepwell.run.id == 'r'"
    )
    assert done.returncode == 0, done.stderr
    known = known_run(Home(home), "p", "spawned")
    assert known is not None
    assert known.steps == {"0": 0}


CHECKPOINTS = [
    ("not there", "'/nowhere/x'", "", "StagingError"),
    ("an empty folder", "sys.argv[1]", "", "StagingError"),
    ("a device", "'/dev/null'", "", "StagingError"),
    ("no room", "__file__", "'staging_free_share_min': 1.0, 'staging_free_bytes_max': 1 << 62", "StagingError"),
    ("too much waiting", "__file__", "'staging_bytes_max': 10", "StagingError"),
    ("a bad name", "__file__, name='a\\nb'", "", "InvalidValue"),
    ("a bad step", "__file__, step=0.5", "", "InvalidValue"),
]


@pytest.mark.parametrize(
    ("call", "settings", "error"), [case[1:] for case in CHECKPOINTS], ids=[case[0] for case in CHECKPOINTS]
)
def test_a_checkpoint_that_cannot_be_kept_raises_at_once_and_leaves_nothing(
    call: str, settings: str, error: str, script: Script, home: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = script(
        f"run = stepwell.init(project='p', mode='offline', settings={{'quiet': True, 'capture': False, {settings}}})\n"
        f"try:\n    run.log_checkpoint({call})\n"
        "except stepwell.errors.StepwellError as error:\n    print(type(error).__name__)",
        str(empty),
    )
    assert done.stdout == f"{error}\n", done.stderr
    assert not list((home / "staging").glob("*"))


FULL = "import shutil\nseen = shutil.disk_usage\nshutil.disk_usage = lambda at: seen(at)._replace(total={}, free={})\n"


@pytest.mark.parametrize(
    ("total", "free", "kept"),
    [(100 << 40, 5 << 30, True), (100 << 40, 3 << 30, False), (10 << 30, 1 << 30, True), (10 << 30, 400 << 20, False)],
)
def test_a_checkpoint_leaves_a_share_of_the_filesystem_free_and_of_a_large_one_no_more_than_enough(
    total: int, free: int, kept: bool, script: Script, home: Path
) -> None:
    done = script(
        OFFLINE + FULL.format(total, free) + "try:\n    stepwell.run.log_checkpoint(__file__)\n"
        "except stepwell.errors.StagingError as error:\n    print(error)"
    )
    assert ("no room" not in done.stdout) is kept, done.stdout
    assert len(list((home / "staging").glob("*"))) == int(kept), done.stderr


def test_a_staged_checkpoint_has_its_files_and_a_manifest(script: Script, home: Path) -> None:
    done = script(
        OFFLINE + "os.makedirs('ck/deep'); os.symlink(__file__, 'ck/link'); open('ck/deep/x', 'w').write('12345')\n"
        "stepwell.run.log({'x': 1}, step=41)\nstepwell.run.log_checkpoint('ck', metadata={'lr': 0.1})"
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (home / "staging").glob("*")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [file["path"] for file in manifest["files"]] == ["link", "deep/x"]
    assert (manifest["name"], manifest["step"], manifest["mode"], manifest["id"]) == ("ck", 41, "offline", "r")
    assert manifest["version"] & (2**34 - 1) == manifest["row_seq"]
    assert (folder / "data/deep/x").read_text() == "12345"
    assert not (folder / "data/link").is_symlink()


def test_prints_reach_the_reader_with_the_agent_stopped(home: Path) -> None:
    source = (
        "import stepwell, sys, os\n"
        f"stepwell.init(project='p', id='r', {QUIET})\n"
        "sys.stdin.readline()\n"
        "for i in range(1000): print('line', i)\n"
        "sys.stdout.flush(); os._exit(0)"
    )
    process = subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    agents = wait_for(lambda: [pid for pid in processes_of(home) if pid != process.pid], what="an agent")
    for pid in agents:  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGSTOP)
    output, _ = process.communicate("go\n", timeout=60)
    assert output == "".join(f"line {i}\n" for i in range(1000))


def test_the_agent_is_nobodys_child_and_holds_no_pipe(script: Script, home: Path) -> None:
    done = script(
        f"stepwell.init(project='p', id='r', {QUIET})\n"
        "children = [open(f'/proc/self/task/{task}/children').read() for task in os.listdir('/proc/self/task')]\n"
        "os._exit(7 if ''.join(children) else 0)"  # what it prints may end with it
    )
    assert done.returncode == 0, done.stderr


def test_input_and_pdb_work_at_a_terminal(home: Path) -> None:
    source = (
        f"import stepwell, sys, pdb\n{OFFLINE}"
        "assert sys.stdout.isatty() and sys.stdout.fileno() == 1\n"
        "print('got', input('name? '))\npdb.run('y = 1')\nprint('the end')"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", source])
    seen = b""
    for awaited, typed in ((b"name? ", b"bob\n"), (b"got bob", b""), (b"(Pdb) ", b"c\n"), (b"the end", b"")):
        while awaited not in seen:
            seen += os.read(terminal, 1000)
        os.write(terminal, typed)
    assert os.waitpid(pid, 0)[1] == 0
    os.close(terminal)
