"""How checkpoints are kept: by a copy, a link or in place; by many ranks as one; out of a dict of tensors."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import stepwell
from agents import agent_log
from serving import serving
from stepwell.query import Artifact
from support import wait_for

Script = Callable[..., "subprocess.CompletedProcess[str]"]

QUIET = "settings={'quiet': True, 'capture': False}"
OFFLINE = f"run = stepwell.init(project='p', id='r', mode='offline', {QUIET})\n"
ONLINE = f"run = stepwell.init(project='p', id='r', {QUIET})\n"


def manifest(home: Path) -> dict[str, object]:
    (folder,) = (home / "staging").glob("*")
    return json.loads((folder / "manifest.json").read_text())  # type: ignore[no-any-return]


def kept(home: Path) -> list[Path]:
    return [path for path in (home / "staging").glob("*/data/**/*") if path.is_file()]


MAKE = "os.mkdir('ck'); open('ck/w', 'w').write('weights')\n"


def test_the_staging_folder_is_stamped_once_a_checkpoint_is_whole(script: Script, home: Path) -> None:
    """The agent looks there: it need not search the folder in order to hear of it at once."""
    assert script(OFFLINE + MAKE + "run.log_checkpoint('ck')").returncode == 0
    (folder,) = (home / "staging").glob("*")
    made, whole = folder.stat().st_ctime_ns, (folder / "manifest.json").stat().st_mtime_ns
    assert (home / "staging").stat().st_mtime_ns > max(made, whole)


@pytest.mark.parametrize(
    ("copy", "fraction", "how"),
    [
        ("True", 0.0, "copy"),
        ("False", 0.5, "in place"),
        ("'link'", 0.0, "link"),
        ("'auto'", 0.5, "copy"),
        ("'auto'", 0.0, "in place"),
    ],
)
def test_a_checkpoint_is_copied_linked_or_left_in_place(
    copy: str, fraction: float, how: str, script: Script, home: Path, tmp_path: Path
) -> None:
    done = script(
        OFFLINE + MAKE + f"run.log_checkpoint('ck', copy={copy})", env={"STEPWELL_STAGING_FRACTION": str(fraction)}
    )
    assert done.returncode == 0, done.stderr
    (file,) = manifest(home)["files"]  # type: ignore[misc, attr-defined]
    assert ("source" in file) == (how == "in place")
    original = tmp_path / "work/ck/w"
    assert [os.path.samefile(path, original) for path in kept(home)] == {"copy": [False], "link": [True]}.get(how, [])
    with stepwell.Api() as api:
        (path,) = api.artifact("p/ck").download(tmp_path / "back")
        assert path.read_text() == "weights"


def test_what_lies_on_a_network_filesystem_is_left_there(script: Script, home: Path) -> None:
    source = (
        "from stepwell.run import sources\nsources.filesystem_of = lambda path: 'lustre'\n"
        + OFFLINE + MAKE + "run.log_checkpoint('ck')"
    )  # fmt: skip
    assert script(source).returncode == 0
    assert manifest(home)["files"][0]["source"].endswith("work/ck/w")  # type: ignore[index]


CHANGES = {
    "rewritten": ("open('ck/w', 'r+').write('WEIGHTS')", "is not what it was when it was logged"),
    "touched": ("os.utime('ck/w', (1, 1))", "is not what it was when it was logged"),
    "grown": ("open('ck/w', 'a').write('more')", "is not what it was when it was logged"),
    "removed": ("os.unlink('ck/w')", "No such file"),
}


CHANGED = [
    ("False", "removed"),  # not with a link, which is still there then
    ("'link'", "touched"),
    *(pytest.param("False", change, marks=pytest.mark.thorough) for change in ("rewritten", "touched", "grown")),
    *(pytest.param("'link'", change, marks=pytest.mark.thorough) for change in ("rewritten", "grown")),
]


@pytest.mark.parametrize(("copy", "change"), CHANGED)
def test_an_original_that_changes_before_its_upload_is_refused_and_said(
    copy: str, change: str, script: Script, home: Path
) -> None:
    done, reason = CHANGES[change]
    assert script(ONLINE + MAKE + f"run.log_checkpoint('ck', copy={copy})\n{done}\nrun.finish()").returncode == 0
    (folder,) = (home / "staging").glob("*")
    with serving(home):
        wait_for((folder / "refused.json").exists, what="the upload to be refused")
        wait_for(lambda: len(stepwell.Api().runs("p")), what="the run")
        assert [one.state for one in stepwell.Api().run("p/r").artifacts()] == ["staged"]
    assert reason in json.loads((folder / "refused.json").read_text())["reason"]
    assert reason in agent_log(home)


RANK = """
rank, world = int(sys.argv[1]), int(sys.argv[2])
os.environ.update(RANK=str(rank), WORLD_SIZE=str(world))
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False})
os.makedirs(f"rank{rank}", exist_ok=True)
with open(f"rank{rank}/part{rank}.bin", "w") as file:
    file.write(f"part {rank}")
with open(f"rank{rank}/common.json", "w") as file:
    file.write("{}")
run.log_checkpoint(f"rank{rank}", step=10, name="sharded", sharded=True, aliases=["best"])
print(run.world_size)
"""


def test_ranks_add_their_parts_to_one_checkpoint(script: Script, home: Path, tmp_path: Path) -> None:
    def one() -> Artifact:
        with stepwell.Api() as api:
            (found,) = api.run("p/r").checkpoints()
            if not found.complete:
                with pytest.raises(stepwell.errors.NotFound, match=f"{found.parts_in} of 3 parts"):
                    found.download(tmp_path / "early")
            else:
                assert {path.read_text() for path in found.download(tmp_path / "back")} == {
                    "part 0", "part 1", "part 2", "{}",
                }  # fmt: skip
            return found

    for count, rank in enumerate((2, 0, 1), 1):
        done = script(RANK, str(rank), "3")
        assert done.stdout == "3\n", done.stderr
        found = one()
        assert (found.parts_in, found.parts, found.complete) == (count, 3, count == 3)
    assert (found.path, set(found.aliases)) == ("p/sharded:v0", {"latest", "best"})
    assert [file.path for file in found.files] == ["common.json", "part0.bin", "part1.bin", "part2.bin"]


SHARED = """
rank = int(sys.argv[1])
os.environ.update(RANK=str(rank), WORLD_SIZE="2")
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False})
os.makedirs("dcp", exist_ok=True)
for name in (".metadata", "__0_0.distcp", "__1_0.distcp", "__1_1.distcp"):
    open(f"dcp/{name}", "w").write(name)
run.log_checkpoint("dcp", step=1, sharded=True)
"""


def test_of_a_folder_that_ranks_share_each_takes_its_own(script: Script, home: Path) -> None:
    for rank in (0, 1):
        assert script(SHARED, str(rank)).returncode == 0
    sizes = [sorted(file["path"] for file in json.loads(path.read_text())["files"])
             for path in (home / "staging").glob("*/manifest.json")]  # fmt: skip
    assert sorted(sizes) == [[".metadata", "__0_0.distcp"], ["__1_0.distcp", "__1_1.distcp"]]
    with stepwell.Api() as api:
        assert len(api.artifact("p/dcp").files) == 4


@pytest.mark.parametrize(
    ("call", "word"),
    [
        ("'w', sharded=True", "give all ranks the same name="),
        ("'ck', sharded=0", "number of ranks"),
        ("'ck', sharded='all'", "number of ranks"),
        ("'ck', copy='maybe'", "copy is"),
        ("{'a': 'text'}", "no tensor ('a')"),
        ("{}", "no tensor (nothing)"),
    ],
)
def test_what_makes_no_sense_is_said_at_once(call: str, word: str, script: Script, home: Path) -> None:
    done = script(
        OFFLINE + MAKE + "open('w', 'w').close()\n"
        f"try:\n    run.log_checkpoint({call})\nexcept stepwell.errors.InvalidValue as error:\n    print(error)"
    )
    assert word in done.stdout, done.stderr
    assert not list((home / "staging").glob("*"))


STATE = """
import numpy as np
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False})
state = {
    "layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2], "scalar": np.float64(2.5),
    "empty": np.zeros((0, 3), dtype=np.int64), "flags": np.array([True, False]), "big": np.arange(3, dtype=">i4"),
}
run.log_checkpoint(state, step=3, name="state", aliases=["best"])
state["layer.weight"][:] = -1
"""


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """By the format's description, on its own."""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    kinds = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "BOOL": "?"}
    assert length % 8 == 0
    assert max(one["data_offsets"][1] for one in header.values()) == len(body)
    return {
        name: np.frombuffer(body[slice(*one["data_offsets"])], kinds[one["dtype"]]).reshape(one["shape"])
        for name, one in header.items()
    }


def test_a_dict_of_tensors_becomes_a_safetensors_file(script: Script, home: Path) -> None:
    done = script(STATE)
    assert done.returncode == 0, done.stderr
    with stepwell.Api() as api:
        found = api.artifact("p/state:best")
        (file,) = found.files
        tensors = read_safetensors(b"".join(found.read(file.path)))
    assert file.path == "state.safetensors"
    assert sorted(tensors) == ["big", "empty", "flags", "layer.weight", "scalar"]
    assert tensors["layer.weight"].tolist() == [[0, 2], [4, 6], [8, 10]]
    assert (tensors["scalar"].tolist(), tensors["empty"].shape, tensors["big"].tolist()) == (2.5, (0, 3), [0, 1, 2])
    assert tensors["flags"].tolist() == [True, False]


TORCH = """
import torch
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False})
model = torch.nn.Linear(4, 2)
run.log_checkpoint({**model.state_dict(), "half": torch.ones(3, dtype=torch.bfloat16)}, name="weights")
run.log_checkpoint({"model": model.state_dict(), "epoch": 3}, name="whole")
torch.save(model.state_dict(), "there.pt")
"""


def test_a_torch_state_dict_comes_back(script: Script, home: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    done = script(TORCH)
    assert done.returncode == 0, done.stderr
    there = torch.load(tmp_path / "work/there.pt")
    with stepwell.Api() as api:
        data = b"".join(api.artifact("p/weights").read("weights.safetensors"))
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        assert header["half"]["dtype"] == "BF16"
        (path,) = api.artifact("p/whole").download(tmp_path / "back")
    back = torch.load(path)
    assert back["epoch"] == 3
    assert torch.equal(back["model"]["weight"], there["weight"])
