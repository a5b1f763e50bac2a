"""Notebook hosts that forget what is recorded on them: which homes are meant, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.home import Home
from stepwell.run.ephemeral import forgotten

COLAB = {"COLAB_RELEASE_TAG": "release-colab"}
KAGGLE = {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}
MOUNTS = "overlay / overlay rw 0 0\n/dev/sda1 /data ext4 rw 0 0\ndrive /content/drive fuse.drive rw 0 0\n"
CASES = [
    ("Colab's own disk", "/home/colab/.local/share/stepwell", COLAB, "a Colab machine"),
    ("a Drive folder", "/content/drive/MyDrive/stepwell", COLAB, ""),
    ("a disk of its own", "/data/stepwell", COLAB, ""),
    ("Kaggle's temporary disk", "/home/colab/.local/share/stepwell", KAGGLE, "a Kaggle machine"),
    ("Kaggle's output folder", "/kaggle/working/stepwell", KAGGLE, ""),
    ("any other machine", "/home/colab/.local/share/stepwell", {}, None),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "mounts").write_text(MOUNTS)
    return tmp_path


@pytest.mark.parametrize(("home", "env", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_which_homes_are_lost(home: str, env: dict[str, str], said: str | None, root: Path) -> None:
    found = forgotten(Home(home), "p/r", env, root)
    assert said in found if said and found else found == said


def test_the_line_that_avoids_it_is_named(root: Path) -> None:
    said = forgotten(Home("/home/colab/x"), "p/r", COLAB, root) or ""
    assert "/home/colab/x goes with it" in said
    assert "os.environ['STEPWELL_HOME'] = '/content/drive/MyDrive/stepwell'" in said
    assert "stepwell export p/r" in said
