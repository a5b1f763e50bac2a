"""Recording in the surroundings that people have: odd environments, interpreters, processes and libraries.

Each case trains in a process of its own; afterwards every record lies in the spool, once.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

import stepwell
from agents import assert_each_once, ranges_in_spools
from namespaces import in_namespaces, needs
from serving import serving
from support import wait_for

ROWS = 300
TRAIN = """
import stepwell
run = stepwell.init(project="anywhere", id="räksmörgås-\\u6e2c", settings={"capture": False, "quiet": True})
for i in range(300):
    run.log({"loss/täglich": float(i)})
print("\\u00fcber")
recorder = run._recorder
run.finish()
assert recorder.drained and not recorder.dropped
"""
UNSAMPLED = {"STEPWELL_SYSTEM_INTERVAL_S": "0"}  # samples of the machine are of a writer of their own
PACKAGES = str(Path(stepwell.__file__).parent.parent)


def assert_all_kept(home: Path, writers: int = 1) -> None:
    """Rows of every writer from the first to the last, none twice."""
    found = ranges_in_spools(home)
    assert len(found) == writers
    for ranges in found.values():
        assert_each_once(ranges, ranges[-1][1])
        assert ranges[-1][1] >= ROWS


def train(
    command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, env={**os.environ, **UNSAMPLED, **(env or {})}, cwd=cwd, capture_output=True, timeout=120, check=False,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def script(tmp_path: Path) -> str:
    """TRAIN as a file: a command line that is not ASCII cannot be given to a Python without a locale."""
    path = tmp_path / "train.py"
    path.write_text(TRAIN, encoding="utf-8")
    return str(path)


# Patches what no environment variable can change, in the trainer, the agent and whatever else starts.
NO_LOCKS = """
import errno, fcntl, os
flock = fcntl.flock
def refuse(fd, operation):
    where = os.readlink(f"/proc/self/fd/{fd if isinstance(fd, int) else fd.fileno()}")
    if where.startswith(os.environ["STEPWELL_HOME"]):
        raise OSError(errno.ENOLCK, "No locks available")
    return flock(fd, operation)
fcntl.flock = refuse
"""
CLOCK = """
import time
real, real_ns = time.time, time.time_ns
time.time = lambda: real() + {ahead_s}
time.time_ns = lambda: real_ns() + {ahead_s} * 10**9
"""
YEAR_S = 365 * 86400

SURROUNDINGS = [
    ("no locale, ASCII streams, far time zone", "exec python",
     {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii:replace",
      "TZ": "Asia/Kathmandu"}, ""),
    ("umask 000", "umask 000; exec python", {}, ""),
    ("umask 077 and few descriptors", "umask 077; ulimit -n 64; exec python", {}, ""),
    ("no standard streams", "exec <&- >&- 2>&-; exec python", {"PYTHONIOENCODING": ""}, ""),
    ("a home without locks", "exec python", {}, NO_LOCKS),
    ("a clock ten years ahead", "exec python", {}, CLOCK.format(ahead_s=10 * YEAR_S)),
    ("a clock at 1970", "exec python", {}, CLOCK.format(ahead_s=-56 * YEAR_S)),
    ("warnings are errors", "exec python -W error", {"PYTHONDEVMODE": "1"}, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "env", "patch"), [case[1:] for case in SURROUNDINGS], ids=[case[0] for case in SURROUNDINGS]
)
def test_surroundings(shell: str, env: dict[str, str], patch: str, home: Path, script: str, tmp_path: Path) -> None:
    paths = [os.environ.get("PYTHONPATH", "")]
    if patch:
        (tmp_path / "patched").mkdir()
        (tmp_path / "patched" / "sitecustomize.py").write_text(patch)
        paths.insert(0, str(tmp_path / "patched"))
    line = shell.replace("python", shlex.quote(sys.executable))
    train(
        ["sh", "-c", f"{line} {shlex.quote(script)}"],
        {**env, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
    )
    assert_all_kept(home)
    assert home.stat().st_mode & 0o777 == 0o700
    assert not [path for path in home.rglob("*") if path.lstat().st_mode & 0o077 and path.is_file()]


def test_a_home_with_a_long_path_of_blanks_and_other_alphabets(home: Path, script: str, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["ünïcode with blanks " + "x" * 200] * 12, "home")
    train([sys.executable, script], {"STEPWELL_HOME": str(deep), "LC_ALL": "C"})
    assert_all_kept(deep)


def test_a_home_that_this_locale_cannot_spell_is_refused_with_what_to_set(home: Path, script: str) -> None:
    no_utf8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    env = {**os.environ, **no_utf8, "STEPWELL_HOME": str(home / "ünïcode")}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert "HomeError" in done.stderr
    assert "PYTHONUTF8=1" in done.stderr


def test_a_temporary_folder_from_which_nothing_may_be_executed(home: Path, script: str) -> None:
    noexec = "mount -t tmpfs -o noexec,size=64m tmpfs /var/tmp"
    done = in_namespaces([noexec], [sys.executable, script], env={"TMPDIR": "/var/tmp", **UNSAMPLED})
    assert done.returncode == 0, done.stderr
    assert_all_kept(home)


HERE = f"import sys; sys.path.append({PACKAGES!r})\n"
INTERPRETERS = [
    ("isolated", ["-I"], HERE + TRAIN),
    ("without site", ["-S"], HERE + TRAIN),
    ("a program that embeds Python", [], "import sys; sys.executable = ''\n" + TRAIN),
    ("a frozen program with Python beside it", [], "import sys; sys.executable = '/bin/true'\n" + TRAIN),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "source"), [case[1:] for case in INTERPRETERS], ids=[case[0] for case in INTERPRETERS]
)
def test_interpreters(options: list[str], source: str, home: Path) -> None:
    train([sys.executable, *options, "-c", source])
    assert_all_kept(home)


def test_a_main_program_in_a_zip(home: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "app.pyz", "w") as app:
        app.writestr("__main__.py", TRAIN)
    train([sys.executable, str(tmp_path / "app.pyz")])
    assert_all_kept(home)


def test_a_program_without_any_python_keeps_its_records_and_says_so(home: Path) -> None:
    lost = "import sys; sys.executable = sys._base_executable = '/app/trainer'; sys.exec_prefix = '/tmp/_MEI1'\n"
    source = lost + TRAIN.replace("assert recorder.drained", "assert True").replace(
        "run.finish()", "run.finish(timeout=0)"
    )
    done = train([sys.executable, "-c", source])
    assert "no agent could be started" in done.stderr
    assert "stepwell sync" in done.stderr
    train([sys.executable, "-m", "stepwell.agent", "--home", str(home), "--once"])
    assert_all_kept(home)


PROCESSES = """
import multiprocessing, sys
import stepwell
def work(rank):
    run = stepwell.init(project="anywhere", id="m", rank=rank, settings={"capture": False, "quiet": True})
    for i in range(300):
        run.log({"loss": float(i)})
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work, args=(rank,)) for rank in (1, 2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(method: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROCESSES)
    train([sys.executable, str(tmp_path / "main.py"), method])
    assert_all_kept(home, writers=2)


DAEMON = """
import os, sys, time
import stepwell
run = stepwell.init(project="anywhere", id="d", settings={"capture": False, "quiet": True, "console": False})
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/"); os.umask(0); os.closerange(0, 256)
for i in range(300):
    run.log({"loss": float(i)})
run.finish()
open(sys.argv[1], "w").close()
"""
EXEC = f"""
import os, sys
import stepwell
run = stepwell.init(project="anywhere", id="before", settings={{"capture": False, "quiet": True}})
run.log({{"x": 1.0}})
os.execv(sys.executable, [sys.executable, "-c", {TRAIN!r}])
"""


def test_a_trainer_that_makes_itself_a_daemon(home: Path, tmp_path: Path) -> None:
    train([sys.executable, "-c", DAEMON, str(tmp_path / "done")])
    wait_for((tmp_path / "done").exists, "the daemon to finish")
    wait_for(lambda: any(ranges[-1][1] >= ROWS for ranges in ranges_in_spools(home).values()), "the daemon's rows")


def test_a_process_that_becomes_another_program(home: Path) -> None:
    train([sys.executable, "-c", EXEC])
    wait_for(lambda: len(ranges_in_spools(home)) >= 2, "both programs' records")
    assert max(ranges[-1][1] for ranges in ranges_in_spools(home).values()) >= ROWS


HANDLERS = """
import atexit, faulthandler, signal, sys
import stepwell
said = []
signal.signal(signal.SIGTERM, lambda *_: said.append("term"))
signal.signal(signal.SIGUSR1, lambda *_: said.append("usr1"))
before = [signal.getsignal(number) for number in signal.valid_signals()]
faulthandler.enable()
run = stepwell.init(project="anywhere", id="h", settings={"capture": False, "quiet": True})
atexit.register(lambda: [run.log({"at exit": 1.0}), print("finished:", run.finished)])
assert [signal.getsignal(number) for number in signal.valid_signals()] == before
assert faulthandler.is_enabled()
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.raise_signal(number)
assert said == ["term", "usr1"]
for i in range(300):
    run.log({"loss": float(i)})
"""


def test_handlers_of_the_user_stay_and_run_before_ours(home: Path) -> None:
    assert train([sys.executable, "-c", HANDLERS]).stdout == "finished: False\n"
    assert_all_kept(home)


INTERRUPTED = """
import stepwell
run = stepwell.init(project="anywhere", id="c", settings={"capture": False})
for i in range(300):
    run.log({"loss": float(i)})
try:
    print("logged", flush=True)
    while True:
        pass
finally:
    print("ending", flush=True)
"""


def test_ctrl_c_twice_loses_nothing(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in ("logged\n", "ending\n"):
        assert process.stdout.readline() == line
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT, 1)
    wait_for(lambda: any(ranges[-1][1] >= ROWS for ranges in ranges_in_spools(home).values()), "all rows in the spool")


LIBRARIES = [
    ("gevent", "from gevent import monkey; monkey.patch_all()\n" + TRAIN),
    (
        "uvloop",
        "import asyncio, uvloop\nasync def main():\n    exec(compile(TRAIN, 'train', 'exec'), {})\n"
        f"TRAIN = {TRAIN!r}\nasyncio.run(main(), loop_factory=uvloop.new_event_loop) if 'loop_factory' in "
        "asyncio.run.__kwdefaults__ else uvloop.run(main())\n",
    ),
]


@pytest.mark.parametrize(("library", "source"), LIBRARIES, ids=[case[0] for case in LIBRARIES])
def test_libraries_that_change_how_a_program_waits(library: str, source: str, home: Path) -> None:
    needs(library, find_spec(library) is not None)
    train([sys.executable, "-c", source])
    assert_all_kept(home)


PROXIES = {
    name: "http://127.0.0.1:9"
    for lower in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
    for name in (lower, lower.upper())
}
STORED = """
import stepwell
run = stepwell.init(project="anywhere", id="stored", settings={"capture": False, "finish_timeout_dying_s": 60.0,
                                                               "finish_timeout_s": 60.0})
run.log({"loss": 1.0})
run.finish()
print(stepwell.Api().run("anywhere/stored").history("loss").column("loss").to_pylist())
"""


@pytest.mark.parametrize("listen", ["[::1]", pytest.param("127.0.0.1", marks=pytest.mark.thorough)])
def test_a_proxy_in_the_environment_does_not_stand_between_loopback_addresses(listen: str, home: Path) -> None:
    with serving(home, "--http", f"{listen}:0", "--grpc", f"{listen}:0"):
        address = json.loads((home / "service.json").read_text())["url"]
        assert listen in address
        done = train([sys.executable, "-c", STORED], PROXIES)
        assert done.stdout == "[1.0]\n"
        assert "is stored" in done.stderr
        doctor = train([sys.executable, "-m", "stepwell", "doctor"], PROXIES)
        assert "answers" in doctor.stdout
        over_ssh = {**PROXIES, "SSH_CONNECTION": "10.0.0.1 5000 10.0.0.2 22", "DISPLAY": ""}
        port = address.rpartition(":")[2]
        shown = train([sys.executable, "-m", "stepwell", "ui"], over_ssh).stdout
        assert f"ssh -N -L {port}:{listen}:{port} " in shown
        assert f"{address}/login?ticket=" in shown


BOUNDS = """
import sys
import stepwell
sys.modules["stepwell.run.run"].ends_with = lambda env: {where!r}
run = stepwell.init(project="anywhere", id="b", settings={{"capture": False, "finish_timeout_s": 0.0,
                                                          "finish_timeout_dying_s": 60.0}})
run.log({{"x": 1.0}})
run.finish()
"""


@pytest.mark.parametrize(
    ("where", "said"), [("", "have reached the spool yet"), ("a SLURM job (SLURM_JOB_ID)", "is recorded in")]
)
def test_finish_waits_longer_where_the_agent_would_die_with_the_process(where: str, said: str, home: Path) -> None:
    assert said in train([sys.executable, "-c", BOUNDS.format(where=where)]).stderr
