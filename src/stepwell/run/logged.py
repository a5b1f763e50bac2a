"""What `log_checkpoint` and `log_artifact` give back: where an artifact is on its way, by its staging folder alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ..errors import StagingError

__all__ = ["LoggedArtifact"]

_LOOK_FIRST_S, _LOOK_LAST_S = 0.01, 0.5
_LATE_SHARE = 0.01  # of the wait so far: that much later than it is complete the wait may end


class LoggedArtifact:
    """An artifact that is kept: it is in staging, and on its way to the blob store.

    Example:
        ```python
        kept = run.log_checkpoint("model.npz", step=1000)
        kept.wait()  # until it is in the store, where that matters
        ```
    """

    def __init__(self, folder: Path | None, project: str, name: str, kind: str, offline: bool) -> None:
        """Not for users. folder: in staging; None of a run that records nothing."""
        self._folder, self._project, self._name, self._kind, self._offline = folder, project, name, kind, offline

    @property
    def name(self) -> str:
        """Under which it has versions in its project."""
        return self._name

    @property
    def path(self) -> str:
        """ "project/name", as `Api().artifact` takes it; add ":v3" or an alias."""
        return f"{self._project}/{self._name}"

    @property
    def state(self) -> str:
        """staged (kept on this host) | uploading | complete (in the blob store) | refused | disabled (nothing is
        recorded).
        """
        folder = self._folder
        if folder is None:
            return "disabled"
        if self._reason():
            return "refused"
        if (folder / "digests.json").exists():
            return "uploading"
        return "staged" if (folder / "manifest.json").exists() else "complete"

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is in the blob store; whether it is. Training need not: what is staged is kept.

        Args:
            timeout: Seconds. Default: as long as it takes, which without a service is for ever.

        Raises:
            StagingError: It was refused, or the run is offline, so that nothing is sent before `stepwell sync`.

        Example:
            ```python
            if not kept.wait(timeout=60):
                print("still on its way:", kept.state)
            ```
        """
        begun = time.monotonic()
        end = None if timeout is None else begun + timeout
        while (state := self.state) not in ("complete", "disabled"):
            if state == "refused":
                raise StagingError(f"{self} was refused: {self._reason()}; it is kept in {self._folder}")
            if self._offline:
                raise StagingError(f"{self} waits in {self._folder}: the run is offline, and `stepwell sync` sends it")
            now = time.monotonic()
            pause = min(max((now - begun) * _LATE_SHARE, _LOOK_FIRST_S), _LOOK_LAST_S)
            left = pause if end is None else min(pause, end - now)
            if left <= 0:
                return False
            time.sleep(left)
        return state == "complete"

    def __repr__(self) -> str:
        return f"<{self._kind} {self.path!r}, {self.state}>"

    def __str__(self) -> str:
        return f"{self._kind} {self.path!r}"

    def _reason(self) -> str:
        assert self._folder is not None
        try:
            return str(json.loads((self._folder / "refused.json").read_text()).get("reason", ""))
        except (OSError, ValueError):
            return ""
