"""The windows in which a view is looked at: one of them in each test by default, the others as thorough."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["looks"]

_LOOKS: dict[str, dict[str, Any]] = {
    "laptop": {},
    "dark": {"dark": True},
    "narrow": {"width": 390, "height": 844},
    "tablet": {"width": 768, "height": 1024},
    "wide": {"width": 1920, "height": 1080},
}


def looks(first: str, *further: str) -> Any:
    """Parametrises the fixture `tab`. Of tests of one view each should have another `first`."""
    params = [pytest.param(_LOOKS[name], id=name, marks=pytest.mark.thorough) for name in further]
    return pytest.mark.parametrize("tab", [pytest.param(_LOOKS[first], id=first), *params], indirect=True)
