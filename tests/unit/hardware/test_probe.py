"""A plugin that raises, hangs or talks nonsense costs its own figures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.hardware import Device, Find, NotHere, Probe, found_by
from support import wait_for

NO_TIME_S = 0.0
LONG_S = 60.0


def started(find: Find) -> Probe:
    probe = Probe("test", find, Path("/sys"))
    probe.start()
    probe.answer(LONG_S)
    return probe


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def broken() -> dict[str, float]:
    raise RuntimeError("the board is gone")


def test_figures_are_named_by_device() -> None:
    probe = started(lambda _: [Device("a0", lambda: {"power_w": 1, "x\n": 2.0}), Device("a1", lambda: {"power_w": 3})])
    assert probe.ask()
    assert probe.answer(LONG_S) == {"a0/power_w": 1.0, "a1/power_w": 3.0}
    probe.close()


def test_a_device_that_raises_is_said_once_and_others_are_read(caplog: pytest.LogCaptureFixture) -> None:
    probe = started(lambda _: [Device("bad", broken), Device("good", lambda: {"power_w": 1.0})])
    for _ in range(3):
        assert probe.ask()
        assert probe.answer(LONG_S) == {"good/power_w": 1.0}
    assert warnings(caplog) == [
        "the hardware plugin test: bad cannot be read: RuntimeError('the board is gone'); its figures are missing"
    ]


def test_a_device_that_hangs_is_passed_over_until_it_answers(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()

    def read() -> dict[str, float]:
        go_on.wait(LONG_S)
        return {"power_w": 1.0}

    probe = started(lambda _: [Device("slow", read)])
    assert probe.ask()
    assert probe.answer(NO_TIME_S) == {}
    assert not probe.ask()  # it has a reading to finish first
    assert len(warnings(caplog)) == 1
    go_on.set()
    wait_for(probe.ask, what="the device to answer")
    assert probe.answer(LONG_S) == {"slow/power_w": 1.0}


def fails(_: Path) -> Iterator[Device]:
    yield Device("first", dict)
    raise RuntimeError("the driver is of another age")


@pytest.mark.parametrize(
    ("find", "names", "why"),
    [
        (fails, ["first"], "another age"),
        (lambda _: [Device("with/slash", dict)], [], "with/slash"),
        (lambda _: [Device("a", dict), Device("a", broken)], ["a"], ""),
        (lambda _: [], [], ""),
    ],
)
def test_what_a_plugin_finds(find: Find, names: list[str], why: str) -> None:
    devices, said = found_by("test", find, Path("/sys"), LONG_S)
    assert [device.name for device in devices] == names
    assert why in said


def test_a_plugin_that_cannot_work_here_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    def find(_: Path) -> Iterator[Device]:
        raise NotHere("no such board")

    assert found_by("test", find, Path("/sys"), LONG_S) == ([], "no such board")
    assert warnings(caplog) == []


def test_a_plugin_that_hangs_while_it_looks_for_devices() -> None:
    go_on = threading.Event()

    def find(_: Path) -> list[Device]:
        go_on.wait(LONG_S)
        return []

    devices, why = found_by("test", find, Path("/sys"), NO_TIME_S)
    assert devices == []
    assert "has not answered" in why
    go_on.set()
