"""Taking runs away and keeping them, beside the stores: what stands behind `Api.trashed` and the commands.

Its counterpart over HTTP is retention_http.py. The work is done in stores/retention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Protocol

from ..run_key import RunKey
from ..settings import Settings
from ..stores.retention.gc import CollectedBlobs, collect
from ..stores.retention.holds import hold, holds, release
from ..stores.retention.purge import purge
from ..stores.retention.records import Going, Hold, RetentionStore, Rule, Trashed
from ..stores.retention.rules import rules, set_rule
from ..stores.retention.trash import restore, trash, trashed

__all__ = ["LocalRetention", "Retention", "Trashed"]


class Retention(Protocol):
    """Runs are taken all or none. `by` is who does it, for people. Every method may raise a StepwellError."""

    def trash(self, keys: Sequence[RunKey], *, by: str, reason: str = "") -> None:
        """Raises NotFound, RunHeld."""

    def restore(self, keys: Sequence[RunKey], *, by: str) -> None:
        """Raises NotFound."""

    def purge(self, keys: Sequence[RunKey], *, by: str, reason: str = "") -> None:
        """Of runs in the trash. Raises NotFound, InvalidValue, RunHeld."""

    def trashed(self, project: str | None = None) -> list[Trashed]:
        """Newest first."""

    def hold(self, key: RunKey, until: datetime, *, by: str, reason: str) -> Hold:
        """Raises NotFound, InvalidValue."""

    def release(self, key: RunKey, *, by: str, reason: str = "") -> None:
        """Raises NotFound where no hold is in force."""

    def holds(self, project: str | None = None) -> list[Hold]:
        """Those in force, the next to end first."""

    def rules(self) -> list[Rule]:
        """Of the projects that have some, by name."""

    def set_rule(self, rule: Rule, *, by: str) -> Rule:
        """Replaces the rules of its project. Raises InvalidValue."""

    def gc(self, *, apply: bool) -> Iterator[Going]:
        """What goes, as it goes; with apply=False what would go."""


class LocalRetention:
    """See Retention."""

    def __init__(self, metrics: RetentionStore, blobs: CollectedBlobs, settings: Settings | None = None) -> None:
        """settings: default: those of the environment."""
        self._metrics, self._blobs, self._settings = metrics, blobs, settings

    def trash(self, keys: Sequence[RunKey], *, by: str, reason: str = "") -> None:
        trash(self._metrics, keys, who=by, reason=reason)

    def restore(self, keys: Sequence[RunKey], *, by: str) -> None:
        restore(self._metrics, keys, who=by)

    def purge(self, keys: Sequence[RunKey], *, by: str, reason: str = "") -> None:
        purge(self._metrics, keys, who=by, reason=reason)

    def trashed(self, project: str | None = None) -> list[Trashed]:
        return trashed(self._metrics, project or "")

    def hold(self, key: RunKey, until: datetime, *, by: str, reason: str) -> Hold:
        return hold(self._metrics, key, until, who=by, reason=reason)

    def release(self, key: RunKey, *, by: str, reason: str = "") -> None:
        release(self._metrics, key, who=by, reason=reason)

    def holds(self, project: str | None = None) -> list[Hold]:
        return holds(self._metrics, project or "")

    def rules(self) -> list[Rule]:
        return rules(self._metrics)

    def set_rule(self, rule: Rule, *, by: str) -> Rule:
        return set_rule(self._metrics, rule, who=by)

    def gc(self, *, apply: bool) -> Iterator[Going]:
        settings = self._settings or Settings.load()
        return collect(
            self._metrics,
            self._blobs,
            apply=apply,
            grace_s=settings.gc_grace_h * 3600,
            trash_s=settings.trash_days * 86_400,
            now=datetime.now(timezone.utc),
        )
