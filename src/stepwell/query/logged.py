"""What images, tables and tensors have in common as they are read back: one cell that a run logged as files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .artifact import Artifact

__all__ = ["Logged"]


@dataclass(frozen=True)
class Logged:
    """One cell, under a name and at a step. Its bytes are asked for when they are needed."""

    artifact: Artifact

    @property
    def name(self) -> str:
        """Under which it was logged."""
        return self.artifact.name

    @property
    def step(self) -> int:
        """At which it was logged."""
        return self.artifact.step

    @property
    def rank(self) -> int:
        """Of the process that logged it."""
        return self.artifact.rank

    @property
    def time(self) -> datetime:
        """When it was logged; UTC."""
        return self.artifact.time

    @property
    def complete(self) -> bool:
        """Whether its bytes are in the blob store; else they are on their host still."""
        return self.artifact.complete
