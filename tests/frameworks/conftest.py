"""Tests that need torch or jax: hundreds of megabytes, so they are no part of the extra `test`.

Where one is missing its tests are skipped; the stage `frameworks` of .ci/run installs both and lets nothing be skipped.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from fake_device import FakeLane, Recording

REQUIRED = os.environ.get("STEPWELL_REQUIRE_FRAMEWORKS") == "1"


def framework(name: str) -> Any:
    """The module; without it the test is skipped, or fails where frameworks are required."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = f"{name} is not installed: bash .ci/run frameworks ({error})"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)


@pytest.fixture(scope="session")
def torch() -> Any:
    return framework("torch")


@pytest.fixture(scope="session")
def jax() -> Any:
    return framework("jax")


@pytest.fixture
def run(tmp_path: Path) -> Recording:
    return Recording.begin(tmp_path)


@pytest.fixture
def lane(torch: Any, monkeypatch: pytest.MonkeyPatch) -> FakeLane:
    """Takes torch's `cpu` for a device whose stream gets on when the test says so."""
    from stepwell.run.device import known

    made = FakeLane(torch)
    monkeypatch.setitem(known.TORCH_LANES, "cpu", lambda torch, device: made)
    monkeypatch.setattr(known, "_torch_backends", {})
    return made
