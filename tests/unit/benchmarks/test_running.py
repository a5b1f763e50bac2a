"""A subject that fails or hangs costs the others nothing, and what it had measured is kept."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from benchmarks import peers
from benchmarks.environments import Absent, python_with
from benchmarks.figures import Figure
from benchmarks.running import measure
from benchmarks.subjects import Subject

ROOT = Path(__file__).parents[3]


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """`codec` for its name; what it does is replaced by the test, through a module that Python loads at its start."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    return Subject("codec", "codec", "what the test says")


def replace_by(tmp_path: Path, body: str) -> None:
    program = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types\n"
        "def run(quick):\n"
        "    import time\n"
        "    from benchmarks.environments import Absent\n"
        "    from benchmarks.figures import Figure\n"
        f"{program}\n"
        "module = types.ModuleType('benchmarks.codec')\n"
        "module.run = run\n"
        "sys.modules['benchmarks.codec'] = module\n"
    )


def test_figures_before_a_failure_are_kept(subject: Subject, tmp_path: Path) -> None:
    replace_by(tmp_path, "yield Figure('first', 'ms', (1.0,))\nraise ValueError('the second did not come')")
    result = measure(subject, quick=True)
    assert result.figures == (Figure("first", "ms", (1.0,)),)
    assert result.failed == "ValueError: the second did not come"


def test_a_subject_that_hangs_is_ended(subject: Subject, tmp_path: Path) -> None:
    replace_by(tmp_path, "yield Figure('first', 'ms', (1.0,))\ntime.sleep(600)")
    result = measure(subject, quick=True, limit_s=5.0)
    assert result.failed == "not done after 5 s"
    assert len(result.figures) <= 1


def test_what_cannot_be_had_here_is_no_failure(subject: Subject, tmp_path: Path) -> None:
    replace_by(tmp_path, "raise Absent('no server here')\nyield")
    result = measure(subject, quick=True)
    assert (result.failed, [figure.absent for figure in result.figures]) == ("", ["no server here"])


def test_a_peer_that_may_not_be_installed_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.environments.CACHE", tmp_path)
    monkeypatch.setenv("STEPWELL_BENCH_INSTALL", "")
    with pytest.raises(Absent, match=r"no-such-recorder 1\.0 is not installed"):
        python_with("no-such-recorder", "1.0")
    assert not list(tmp_path.iterdir())


def test_an_environment_that_was_made_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.environments.CACHE", tmp_path)
    python = tmp_path / "no-such-recorder-1.0" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert python_with("no-such-recorder", "1.0") == str(python)


def test_what_the_extra_pins_is_what_is_measured() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    extra = next(line for line in text.splitlines() if line.startswith("bench = "))
    for pin in peers.PINS.values():
        if f'"{pin.package}==' in extra:
            assert f'"{pin.package}=={pin.version}"' in extra


def test_the_comparison_is_of_the_versions_that_are_measured() -> None:
    text = (ROOT / "docs" / "comparison.md").read_text()
    names = {"wandb": "`wandb`", "mlflow": "MLflow", "aim": "Aim", "tensorboard": "TensorBoard", "trackio": "Trackio"}
    for pin, name in names.items():
        assert f"{name} {peers.PINS[pin].version}" in text


def test_every_peer_names_a_pin() -> None:
    assert {peer.pin for peer in peers.PEERS if peer.pin} <= set(peers.PINS)
