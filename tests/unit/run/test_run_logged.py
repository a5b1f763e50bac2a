"""The wait for an artifact that is on its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.run import logged
from stepwell.run.logged import LoggedArtifact


class Clock:
    """Of a world in which an artifact is complete after `upload_s`; nothing but sleep takes time."""

    def __init__(self, manifest: Path, upload_s: float) -> None:
        self.now, self.looks = 0.0, 0
        self._manifest, self._upload_s = manifest, upload_s

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.looks += 1
        self.now += seconds
        if self.now >= self._upload_s:
            self._manifest.unlink(missing_ok=True)


@pytest.mark.parametrize("upload_s", [0.001, 0.3, 6.0, 3600.0])
def test_a_wait_ends_soon_after_the_artifact_is_complete(
    upload_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.touch()
    clock = Clock(manifest, upload_s)
    monkeypatch.setattr(logged, "time", clock)
    kept = LoggedArtifact(tmp_path, "p", "model", "checkpoint", offline=False)
    assert kept.wait()
    assert clock.now <= upload_s + max(0.0101, min(0.0101 * upload_s, 0.501))
    assert clock.looks < 700 + 2 * upload_s  # and does not look all the time


def test_a_wait_that_is_bounded_ends_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manifest.json").touch()
    clock = Clock(tmp_path / "manifest.json", 100.0)
    monkeypatch.setattr(logged, "time", clock)
    assert not LoggedArtifact(tmp_path, "p", "model", "checkpoint", offline=False).wait(timeout=7.0)
    assert clock.now == pytest.approx(7.0)
