from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from recorders import MakeRecorder, recorder_in


@pytest.fixture
def make_recorder(tmp_path: Path) -> MakeRecorder:
    """Recorders over a mailbox of this test; any argument can be given another value."""
    return partial(recorder_in, tmp_path)
