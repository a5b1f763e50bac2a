"""What a service's stages have cost so far, as it says at /metrics."""

from __future__ import annotations

import re

from .serving import Site

__all__ = ["stages"]

_LINE = re.compile(r'^stepwell_stage_cpu_seconds_total\{stage="(\w+)"\} (\S+)$', re.MULTILINE)


def stages(site: Site) -> dict[str, float]:
    """Seconds of CPU by stage; empty of a service that does not tell."""
    return {name: float(seconds) for name, seconds in _LINE.findall(site.figures())}
