"""What a run finds around it: how long its agent lives, machines as files, copies, attempts, starting a child."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from stepwell import launch
from stepwell.filesystems import filesystem_of
from stepwell.home import Home
from stepwell.run.attempts import begin_attempt, known_run, note_last_step, runs_folder
from stepwell.run.copying import copy_file, files_below
from stepwell.run.lifetime import ends_with, soon_gone
from stepwell.run.machine import describe_machine, parse_nvidia
from stepwell.version import VERSION
from support import wait_for

LIVES = [
    ("a workstation", {}, {"proc/1/cgroup": "0::/init.scope\n"}, ""),
    ("a workstation by its pid namespace", {}, {"proc/self/ns/pid": "-> pid:[4026531836]"}, ""),
    ("no /proc", {}, {}, ""),
    ("CI switched off", {"CI": "false"}, {}, ""),
    ("docker", {}, {".dockerenv": ""}, "a container (/.dockerenv)"),
    ("podman", {}, {"run/.containerenv": ""}, "a container (/run/.containerenv)"),
    ("its control group", {}, {"proc/1/cgroup": "0::/docker/abc\n"}, "a container (/proc/1/cgroup)"),
    ("its pid namespace", {}, {"proc/self/ns/pid": "-> pid:[4026532000]"}, "a container (a pid namespace of its own)"),
    ("kubernetes", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {".dockerenv": ""}, "Kubernetes (KUBERNETES_SERVICE_HOST)"),
    ("ci", {"CI": "true"}, {}, "CI (CI)"),
    ("github", {"CI": "true", "GITHUB_ACTIONS": "true"}, {}, "GitHub Actions (GITHUB_ACTIONS)"),
    ("gitlab", {"CI": "true", "GITLAB_CI": "true"}, {}, "GitLab CI (GITLAB_CI)"),
    ("slurm", {"SLURM_JOB_ID": "1"}, {}, "a SLURM job (SLURM_JOB_ID)"),
    ("pbs", {"PBS_JOBID": "1.head"}, {}, "a PBS job (PBS_JOBID)"),
    ("systemd-nspawn", {"container": "systemd-nspawn"}, {}, "a container (container)"),
]


@pytest.mark.parametrize(("env", "files", "expected"), [case[1:] for case in LIVES], ids=[case[0] for case in LIVES])
def test_what_ends_the_agent_with_the_process(
    env: dict[str, str], files: dict[str, str], expected: str, tmp_path: Path
) -> None:
    plant(tmp_path, files)
    assert ends_with(env, tmp_path) == expected


OVERLAY = "overlay / overlay rw 0 0\n/dev/sdb1 {volume} ext4 rw 0 0\n"
GONE = [
    ("a container's own layer", {".dockerenv": ""}, "inside", True),
    ("a volume", {".dockerenv": ""}, "volume", False),
    ("a machine that runs from an overlay", {}, "inside", False),
]


@pytest.mark.parametrize(("files", "place", "gone"), [case[1:] for case in GONE], ids=[case[0] for case in GONE])
def test_a_disk_that_goes_with_its_container_is_said(
    files: dict[str, str], place: str, gone: bool, tmp_path: Path
) -> None:
    plant(tmp_path, {**files, "proc/mounts": OVERLAY.format(volume=tmp_path / "volume")})
    said = soon_gone(Home(tmp_path / place / "home"), tmp_path)
    assert bool(said) == gone
    assert not gone or ("STEPWELL_SERVER" in said and "overlay" in said)


def test_a_mount_point_with_a_blank_is_found(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("a / ext4 rw 0 0\nb /net\\040work nfs4 rw 0 0\nshort\n")
    assert filesystem_of(Path("/net work/home"), tmp_path / "mounts") == "nfs4"
    assert filesystem_of(Path("/net"), tmp_path / "mounts") == "ext4"
    assert filesystem_of(Path("/net"), tmp_path / "none") == ""


def plant(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            (root / name).symlink_to(text[3:])
        else:
            (root / name).write_text(text)


def test_a_machine_is_described_from_its_files(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: Quick CPU 9\n",
            "proc/meminfo": "MemTotal:       1024 kB\nMemFree: 1 kB\n",
            "sys/class/drm/card0/device/vendor": "0x1002\n",
            "sys/class/drm/card0/device/mem_info_vram_total": "68702699520\n",
            "sys/class/drm/card0/device/product_name": "MI300X\n",
            "sys/class/drm/card0-DP-1/status": "connected\n",
            "sys/class/drm/card1/device/vendor": "0x10de\n",
            "sys/class/tenstorrent/tenstorrent!0/tt_card_type": "n150\n",
            "sys/class/tenstorrent/tenstorrent!0/tt_serial": "0100\n",
            "sys/module/tenstorrent/version": "2.0.0\n",
        },
    )
    found = describe_machine(tmp_path)
    assert found["cpu"]["model"] == "Quick CPU 9"
    assert found["memory_bytes"] == 1 << 20
    assert [board for board in found["accelerators"] if board["vendor"] != "NVIDIA"] == [
        {"device": "amd0", "vendor": "AMD", "name": "MI300X", "memory_bytes": 68702699520},
        {"device": "tenstorrent0", "vendor": "Tenstorrent", "name": "n150", "driver": "2.0.0", "serial": "0100"},
    ]


def test_nvidia_boards_are_read() -> None:
    line = "NVIDIA H100, 81559, 550.54, GPU-1, 00000000:01:00.0\nbroken line\n"
    assert parse_nvidia(line) == [
        {
            "vendor": "NVIDIA",
            "name": "NVIDIA H100",
            "driver": "550.54",
            "uuid": "GPU-1",
            "bus": "00000000:01:00.0",
            "memory_bytes": 81559 << 20,
        }
    ]


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_copy_is_equal(size: int, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    assert copy_file(source, tmp_path / "copy") == size
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_a_copy_without_help_from_the_kernel_is_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    test_a_copy_is_equal(3_000_000, tmp_path)


def test_a_file_that_claims_to_be_empty_is_copied(tmp_path: Path) -> None:
    assert copy_file(Path("/proc/cpuinfo"), tmp_path / "copy") > 0


def test_links_are_followed_but_not_round_in_circles(tmp_path: Path) -> None:
    plant(tmp_path, {"ck/a": "1", "ck/sub/b": "22", "elsewhere/c": "333"})
    (tmp_path / "ck/up").symlink_to(tmp_path / "ck")
    (tmp_path / "ck/out").symlink_to(tmp_path / "elsewhere")
    assert {(name, size) for name, _, size in files_below(tmp_path / "ck")} == {("a", 1), ("sub/b", 2), ("out/c", 3)}


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match="broken"):
        list(files_below(tmp_path))


@pytest.fixture
def attempts(home: Path) -> Home:
    place = Home(home)
    place.make(runs_folder(place))
    return place


def test_attempts_rise_and_ranks_of_one_launch_share_one(attempts: Home) -> None:
    first = begin_attempt(attempts, "p", "r", "")
    second = begin_attempt(attempts, "p", "r", "launch/0.0")
    assert second > first
    assert begin_attempt(attempts, "p", "r", "launch/0.0") == second
    assert begin_attempt(attempts, "p", "r", "launch/1.0") > second
    assert begin_attempt(attempts, "p", "other", "", at_least=10**8) == 10**8
    assert begin_attempt(attempts, "p", "far", "", at_least=10**10) < 2**29


def test_the_last_step_of_each_rank_is_remembered(attempts: Home) -> None:
    begin_attempt(attempts, "p", "r", "")
    note_last_step(attempts, "p", "r", 0, 10)
    note_last_step(attempts, "p", "r", 1, -5)
    note_last_step(attempts, "p", "r", 0, 7)
    begin_attempt(attempts, "p", "r", "")
    known = known_run(attempts, "p", "r")
    assert known is not None
    assert known.steps == {"0": 10, "1": -5}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"attempt": "x"}', '{"attempt": 1, "steps": {"0": null}}'])
def test_a_damaged_note_counts_as_unknown(text: str, attempts: Home) -> None:
    begin_attempt(attempts, "p", "r", "")
    (file,) = runs_folder(attempts).glob("*.json")
    file.write_text(text)
    assert known_run(attempts, "p", "r") is None
    assert begin_attempt(attempts, "p", "r", "") > 0


def test_a_child_gets_what_it_needs_and_nothing_that_troubles_it(
    attempts: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "x.so")
    monkeypatch.setenv("PYTHONINSPECT", "1")
    monkeypatch.setenv("PYTHONPATH", f"relative{os.pathsep}/absolute")
    found = launch.child_environment(attempts, {"MORE": "1"})
    assert "LD_PRELOAD" not in found
    assert "PYTHONINSPECT" not in found
    assert found["STEPWELL_HOME"] == str(attempts.path)
    assert found["PYTHONPATH"].split(os.pathsep)[0] == "/absolute"
    assert found["MORE"] == "1"


def whole_line(log: Path) -> str:
    """What a child has written in one go; "" while it is not all there."""
    text = log.read_text()
    return text.strip() if text.endswith("\n") else ""


@pytest.mark.parametrize("shell", ["/bin/sh", "/nowhere/sh"])
def test_what_is_started_detached_runs_in_a_session_of_its_own(
    shell: str, attempts: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_SHELL", shell)
    monkeypatch.setenv("PYTHONPATH", str(attempts.path))
    (attempts.path / "started_module.py").write_text(
        "import os, sys\nprint(os.getsid(0), os.getcwd(), sys.stdin.read() == '', sys.argv[1:], flush=True)\n"
    )
    assert launch.start_detached(["started_module", "--x"], attempts, "child.log")
    log = attempts.log / "child.log"
    session, *rest = str(wait_for(lambda: whole_line(log), what="the child's output")).split(maxsplit=1)
    assert int(session) != os.getsid(0)
    assert rest == ["/ True ['--x']"]


@pytest.mark.parametrize("executable", ["", "/nowhere/python", "/usr/bin/blender"])
def test_an_embedded_interpreter_finds_a_python(executable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path(sys.executable)
    monkeypatch.setattr(sys, "executable", executable)
    found = launch.interpreter()
    assert found is not None
    assert Path(found).samefile(real)
    assert Path(found).parent == real.parent  # of the same virtual environment


def test_an_interpreter_outside_the_environment_is_better_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_base_executable", sys.executable)
    monkeypatch.setattr(sys, "executable", "/app/trainer")
    monkeypatch.setattr(sys, "exec_prefix", "/nowhere")
    assert launch.interpreter() == sys._base_executable  # type: ignore[attr-defined]


def test_starting_an_agent_never_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(launch, "interpreter", lambda: None)
    assert launch.start_agent(Home(tmp_path / "file" / "home")) is False


def test_the_version_is_the_projects() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert f'\nversion = "{VERSION}"\n' in project.read_text()
