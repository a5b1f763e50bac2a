"""What `import stepwell` loads: every training process waits for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Each takes milliseconds, and none is needed to log a number. Others are loaded where a value or a call needs them.
HEAVY = ("dataclasses", "inspect", "uuid", "platform", "shutil", "datetime", "logging", "numpy", "grpc", "google")
PROGRAM = """
import json, sys
before = set(sys.modules)  # what the environment's own hooks have imported is not ours
import stepwell
print(json.dumps([name for name in sys.argv[1:] if name in sys.modules and name not in before]))
"""


def test_import_loads_nothing_that_is_slow_and_not_needed() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM, *HEAVY], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []


@pytest.mark.parametrize("name", ["Image", "Table", "Reference", "Api"])
def test_what_is_loaded_later_is_there_by_every_way_to_name_it(name: str) -> None:
    program = f"import stepwell; from stepwell import {name}; assert stepwell.{name} is {name}; print({name}.__name__)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == name
