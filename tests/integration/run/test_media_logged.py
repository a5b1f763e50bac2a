"""Images, tables and tensors of a run: kept when the call returns, read back bit for bit, never a row's undoing."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from PIL import Image as Pil

import stepwell

Script = Callable[..., "subprocess.CompletedProcess[str]"]
ReadBack = Callable[[str], Any]

BEGIN = (
    "import numpy as np, ml_dtypes\n"
    "more = eval((sys.argv + ['{}'])[1])\n"
    "run = stepwell.init(project='p', id='r', settings={'quiet': True, 'capture': False, **more})\n"
    "pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)\n"
)
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def pixels_of(image: Any) -> np.ndarray:
    with Pil.open(io.BytesIO(image.data())) as decoded:
        return np.asarray(decoded)


def test_images_come_back_with_their_captions_by_step(script: Script, read_back: ReadBack, tmp_path: Path) -> None:
    done = script(
        BEGIN + "for step in (0, 10):\n"
        "    run.log({'loss': 0.5, 'samples': stepwell.Image(pixels + step, f'step {step}')}, step=step)\n"
        "run.log({'many': [stepwell.Image(pixels[:1]), stepwell.Image(pixels, '<b>\\n\\u202e', 'webp')]}, step=10)\n"
        "run.log({'loss': 0.25, 'only': stepwell.Image(pixels)})\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = read_back("p/r")
    assert run.history("loss")["step"].to_pylist() == [0, 10, 11]
    first, second = run.images("samples")
    assert [(one.step, one.rank, one.index, one.caption, one.width, one.height) for one in (first, second)] == [
        (0, 0, 0, "step 0", 3, 2), (10, 0, 0, "step 10", 3, 2),
    ]  # fmt: skip
    assert np.array_equal(pixels_of(first), PIXELS)
    assert np.array_equal(pixels_of(second), PIXELS + 10)
    assert [(one.index, one.format, one.caption, one.height) for one in run.images("many")] == [
        (0, "png", "", 1), (1, "webp", "<b>\n\u202e", 2),
    ]  # fmt: skip
    assert [(one.name, one.step) for one in run.images()] == [
        ("many", 10), ("many", 10), ("only", 11), ("samples", 0), ("samples", 10),
    ]  # fmt: skip
    assert first.save(tmp_path / "x.png").read_bytes() == first.data()
    assert run.images("none") == []
    assert run.artifacts() == []


def test_the_same_step_again_replaces(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + "for n in range(3):\n"
        "    run.log({'x': stepwell.Image(pixels + n), 't': stepwell.Table(['n'], [[n]])}, step=5)\n"
        "    run.log_tensor('w', np.array([n]), step=5)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = read_back("p/r")
    assert [pixels_of(one)[0, 0, 0] for one in run.images("x")] == [2]
    assert [one.to_arrow()["n"].to_pylist() for one in run.tables("t")] == [[2]]
    assert [one.load().tolist() for one in run.tensors("w")] == [[2]]


def test_a_bad_image_takes_nothing_with_it_and_is_said_once(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + "for step in range(3):\n"
        "    run.log({'a': 1.0, 'bad': stepwell.Image(np.full((2, 2), np.nan)), 'good': stepwell.Image(pixels),\n"
        "             'clipped': stepwell.Image(np.array([[1.5]])), 't': stepwell.Table(['a'], [[1, 2]]),\n"
        "             'mixed': [stepwell.Image(pixels), 3], 'none': [], 'b': 2.0}, step=step)\n"
    )
    assert done.returncode == 0
    told = done.stderr
    assert told.count("bad (Image): 4 of 4 values of an image are NaN (not recorded") == 1
    assert told.count("clipped (Image): 1 of 1 values of an image lie outside 0 to 1") == 1
    assert told.count("t (Table): row 0 of a table has 2 values") == 1
    assert told.count("mixed (list)") == 1
    run = read_back("p/r")
    assert run.history("a", "b")["b"].to_pylist() == [2.0] * 3
    assert [(one.name, one.step) for one in run.images()] == [
        (name, step) for name in ("clipped", "good") for step in range(3)
    ]


def test_limits_are_settings(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + "run.log({'a': 1.0, 'large': stepwell.Image(pixels), 'few': stepwell.Image(pixels[:, :1])})\n"
        "run.log({'many': [stepwell.Image(pixels[:1, :1])] * 3, 't': stepwell.Table(['a'], [[1], [2]])})\n",
        "{'image_bytes_max': 100 if False else 80, 'images_max': 2, 'table_rows_max': 1, 'list_items_max': 100}",
    )
    assert "3 images at once; at most 2 (setting images_max)" in done.stderr
    assert "a table of 2 rows; at most 1 (setting table_rows_max)" in done.stderr
    assert read_back("p/r").history("a").num_rows == 1


def test_under_strict_it_raises_after_the_rest_is_kept(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + "try:\n    run.log({'bad': stepwell.Image('nowhere.png'), 'a': 1.0, 'good': stepwell.Image(pixels)})\n"
        "except stepwell.errors.InvalidValue as error:\n    print(error)\n",
        "{'strict': True}",
    )
    assert "bad (Image):" in done.stdout, done.stderr
    run = read_back("p/r")
    assert run.history("a").num_rows == 1
    assert [one.name for one in run.images()] == ["good"]


def test_a_run_that_records_nothing_and_one_that_is_over_take_images(script: Script, home: Path) -> None:
    done = script(
        "import numpy as np\n"
        "run = stepwell.init(project='p', mode='disabled')\n"
        "run.log({'x': stepwell.Image(np.zeros((2, 2))), 't': stepwell.Table(['a'], [[1]])})\n"
        "print(run.log_tensor('w', np.zeros(3)).state)\n"
    )
    assert (done.stdout, done.stderr) == ("disabled\n", "")
    assert not list((home / "staging").glob("*"))


def test_a_kill_after_log_has_returned_takes_no_image(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + "run.log({'x': stepwell.Image(pixels), 't': stepwell.Table(['a'], [[1]])}, step=3)\n"
        "run.log_tensor('w', pixels, step=3)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert done.returncode == -9
    run = read_back("p/r")
    assert [(one.step, np.array_equal(pixels_of(one), PIXELS)) for one in run.images("x")] == [(3, True)]
    assert run.tables("t")[0].to_arrow().to_pydict() == {"a": [1]}
    assert np.array_equal(run.tensors("w")[0].load(), PIXELS)


HOSTILE = ["../../etc/x", "a/b", "/abs", "重み ünï", "<script>", "a:b", "v3", "%2e%2e", "." * 3, "'; DROP TABLE x"]


def test_hostile_names_come_back_as_they_are(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + f"for name in {HOSTILE!r}:\n"
        "    run.log({name: stepwell.Image(pixels)}, step=1)\n"
        "    run.log_tensor(name, {name: pixels}, step=1)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = read_back("p/r")
    for name in HOSTILE:
        (image,) = run.images(name)
        assert np.array_equal(pixels_of(image), PIXELS)
        (tensor,) = run.tensors(name)
        assert np.array_equal(tensor.load(name), PIXELS)


def test_tables_come_back_as_they_were(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + "import pandas as pd\n"
        "run.log({'t': stepwell.Table(['a', 'b\\n'], [[1, 'x'], [None, '<b>']])}, step=1)\n"
        "run.log({'t': stepwell.Table(pd.DataFrame({'p': [0.5, float('nan')]}))}, step=2)\n"
        "run.log({'t': stepwell.Table(['empty'], [])}, step=3)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    one, two, three = read_back("p/r").tables("t")
    assert one.to_arrow().to_pydict() == {"a": [1, None], "b\n": ["x", "<b>"]}
    assert (one.rows, one.columns, one.step) == (2, ("a", "b\n"), 1)
    assert two.to_pandas()["p"].isna().tolist() == [False, True]
    assert (three.rows, three.to_arrow().num_rows) == (0, 0)


TENSORS = {
    "f8": np.array([[1.5, np.nan], [-0.0, np.inf]]),
    "f4": np.float32([1, 2]),
    "f2": np.float16([1, 2]),
    "bf16": np.arange(5).astype(ml_dtypes.bfloat16),
    "e4m3": np.arange(5).astype(ml_dtypes.float8_e4m3fn),
    "e5m2": np.arange(5).astype(ml_dtypes.float8_e5m2),
    "e8m0": np.ones(2).astype(ml_dtypes.float8_e8m0fnu),
    "bool": np.array([True, False]),
    **{f"{kind}{size}": np.array([0, 7], f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)},
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 4), np.float32),
}


def test_tensors_of_every_type_come_back_bit_for_bit(script: Script, read_back: ReadBack, tmp_path: Path) -> None:
    for name, array in TENSORS.items():
        (tmp_path / f"{name}.raw").write_bytes(array.tobytes())
    done = script(
        BEGIN + f"folder, said = {str(tmp_path)!r}, {[(n, a.dtype.name, a.shape) for n, a in TENSORS.items()]!r}\n"
        "made = {}\n"
        "for name, dtype, shape in said:\n"
        "    data = open(f'{folder}/{name}.raw', 'rb').read()\n"
        "    made[name] = np.frombuffer(data, np.dtype(dtype)).reshape(shape)\n"
        "    run.log_tensor(name, made[name], step=2, metadata={'of': name})\n"
        "run.log_tensor('all', {'deep': made, 'big endian': np.array([1, 2], '>i4'), 'strided': np.arange(9)[::-2]})\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = read_back("p/r")
    (all_,) = run.tensors("all")
    assert all_.step == 0
    for name, array in TENSORS.items():
        (kept,) = run.tensors(name)
        assert (kept.metadata, kept.step) == ({"of": name}, 2)
        for back in (kept.load(), all_.load(f"deep/{name}")):
            assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert set(all_.load()) == {*(f"deep/{name}" for name in TENSORS), "big endian", "strided"}
    assert all_.load("big endian").tolist() == [1, 2]
    assert all_.load("strided").tolist() == [8, 6, 4, 2, 0]
    assert all_.tensors["deep/empty"].shape == (0, 4)
    with pytest.raises(stepwell.errors.NotFound, match="has no 'nothing'; it has"):
        all_.load("nothing")


def test_the_file_is_one_that_the_formats_own_library_reads(
    script: Script, read_back: ReadBack, tmp_path: Path
) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    assert script(BEGIN + "run.log_tensor('w', {'a': pixels, 'b': np.arange(3)})\n").returncode == 0
    (path,) = read_back("p/r").tensors("w")[0].artifact.download(tmp_path)
    assert {name: array.tolist() for name, array in safetensors.load_file(path).items()} == {
        "a": PIXELS.tolist(), "b": [0, 1, 2],
    }  # fmt: skip


REFUSED = {
    "a list": ("'w', [1, 2]", "a list is no tensor"),
    "a text in a dict": ("'w', {'a': pixels, 'b': 'x'}", "tensor w['b'] was not kept: a str is no tensor"),
    "complex": ("'w', np.array([1j])", "no type for a ndarray of complex128"),
    "objects": ("'w', np.array(['a'], object)", "of object"),
    "an empty dict": ("'w', {}", "the dict is empty"),
    "the format's own key": ("'w', {'__metadata__': pixels}", "which the format keeps for itself"),
    "one key twice": ("'w', {'a': {'b': pixels}, 'a/b': pixels}", "the key 'a/b', twice"),
    "a key that is no Unicode": ("'w', {'\\ud800': pixels}", "not valid Unicode"),
    "a name with a line end": ("'a\\nb', pixels", "without control characters"),
    "a bad step": ("'w', pixels, step=0.5", "whole number of 64 bits"),
    "a dict in itself": ("'w', loop", "nested deeper than 16"),
}


@pytest.mark.parametrize(("call", "word"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_tensor_raises_and_leaves_nothing(call: str, word: str, script: Script, home: Path) -> None:
    done = script(
        BEGIN + "loop = {}; loop['a'] = loop\n"
        f"try:\n    run.log_tensor({call})\nexcept stepwell.errors.StepwellError as error:\n    print(error)\n"
    )
    assert word in done.stdout, done.stderr
    assert not os.path.exists(home / "staging") or not list((home / "staging").glob("*"))


def test_anything_with_array_or_dlpack_is_a_tensor(script: Script, read_back: ReadBack) -> None:
    done = script(
        BEGIN + "class A:\n    def __array__(self, *a, **k): return np.arange(3)\n"
        "class D:\n"
        "    def __dlpack__(self, **k): return np.arange(4.0).__dlpack__()\n"
        "    def __dlpack_device__(self): return (1, 0)\n"
        "run.log_tensor('a', A()); run.log_tensor('d', D())\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = read_back("p/r")
    assert run.tensors("a")[0].load().tolist() == [0, 1, 2]
    assert run.tensors("d")[0].load().tolist() == [0.0, 1.0, 2.0, 3.0]
