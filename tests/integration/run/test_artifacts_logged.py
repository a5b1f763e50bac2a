"""What `log_artifact` and `log_checkpoint` keep: at once, whole or not at all, under names that have versions."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import stepwell
from serving import serving

Script = Callable[..., "subprocess.CompletedProcess[str]"]

BEGIN = "run = stepwell.init(project='p', id=sys.argv[1], settings={'quiet': True, 'capture': False})\n"
OFFLINE = BEGIN.replace("id=", "mode='offline', id=")


def staged(home: Path) -> list[Path]:
    return sorted((home / "staging").glob("*"))


def test_versions_aliases_and_downloads_without_a_service(script: Script, home: Path, tmp_path: Path) -> None:
    source = BEGIN + (
        "with open('data.bin', 'wb') as file: file.write(sys.argv[2].encode())\n"
        "run.log_artifact('data.bin', 'data', aliases=sys.argv[3:], metadata={'of': sys.argv[1]})\n"
    )
    for id, content, *aliases in (("r1", "one", "best"), ("r2", "two", "best", "fresh"), ("r3", "two"), ("r4", "one")):
        done = script(source, id, content, *aliases)
        assert done.returncode == 0, done.stderr
    with stepwell.Api() as api:
        found = api.artifacts("p")
        assert [(one.path, str(one.run), set(one.aliases)) for one in found] == [
            ("p/data:v0", "p/r1", set()), ("p/data:v1", "p/r2", {"best", "fresh"}), ("p/data:v2", "p/r4", {"latest"}),
        ]  # fmt: skip
        (path,) = found[1].download(tmp_path / "back")
        assert path.read_bytes() == b"two"
        assert api.artifact("p/data").version == 2
        assert api.set_aliases("p/data:v0", add=["best"]).aliases == ("best",)
        assert api.artifact("p/data:best").metadata == {"of": "r1"}
        for wrong in ("p/data:v7", "p/data:nobody", "p/none", "other/data"):
            with pytest.raises(stepwell.errors.NotFound):
                api.artifact(wrong)


def test_the_handle_waits_until_it_is_in_the_store(script: Script, home: Path) -> None:
    source = BEGIN + (
        "os.mkdir('d'); open('d/a', 'w').write('a'); open('d/empty', 'w').close()\n"
        "kept = run.log_artifact('d', type='notes')\n"
        "print(kept.wait(60), kept.state, kept)"
    )
    with serving(home):
        done = script(source, "r")
        assert done.stdout == "True complete artifact 'p/d'\n", done.stderr
        found = stepwell.Api().artifact("p/d:v0")
        assert [(file.path, file.size) for file in found.files] == [("a", 1), ("empty", 0)]
        assert stepwell.Api().set_aliases("p/d:latest", add=["good"]).aliases == ("latest", "good")
        assert [one.path for one in stepwell.Api().artifacts("p", name="d", type="notes")] == ["p/d:v0"]


def test_the_handle_of_an_offline_run_does_not_wait_for_ever(script: Script, home: Path) -> None:
    source = OFFLINE + (
        "kept = run.log_checkpoint(__file__)\n"
        "try:\n    kept.wait()\nexcept stepwell.errors.StagingError as error:\n    print(kept.state, error)\n"
    )
    done = script(source, "r")
    assert done.stdout.startswith("staged checkpoint 'p/train.py' waits in"), done.stderr
    assert "stepwell sync" in done.stdout


def test_a_run_that_records_nothing_keeps_nothing(script: Script, home: Path) -> None:
    source = (
        BEGIN.replace("id=", "mode='disabled', id=")
        + "kept = run.log_artifact('nowhere')\nprint(kept.state, kept.wait())"
    )
    assert script(source, "r").stdout == "disabled False\n"
    assert not staged(home)


REFUSED = {
    "not there": ("'/nowhere/x'", "No such file"),
    "several without a name": ("[__file__, __file__]", "give the artifact one by name="),
    "two files of one name": ("[__file__, __file__], 'n'", "two of its files are called 'train.py'"),
    "a file name with a line end": ("'odd', 'n'", "is not a plain relative path"),
    "a name with a line end": ("__file__, 'a\\nb'", "without control characters"),
    "a type that is too long": ("__file__, type='x' * 65", "an artifact's type has 1 to 64 bytes"),
    "an alias like a version": ("__file__, aliases=['v3']", "is the name of a version"),
    "an alias with a colon": ("__file__, aliases=['a:b']", "must not hold"),
    "a bad step": ("__file__, step=0.5", "whole number of 64 bits"),
    "metadata that is too large": ("__file__, metadata={'x': 'y' * 2**21}", "at most 1048576"),
}


@pytest.mark.parametrize(("call", "word"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_kept_raises_at_once_and_leaves_nothing(
    call: str, word: str, script: Script, home: Path
) -> None:
    source = OFFLINE + (
        "os.mkdir('odd'); open('odd/a\\nb', 'w').close()\n"
        f"try:\n    run.log_artifact({call})\nexcept stepwell.errors.StepwellError as error:\n    print(error)"
    )
    done = script(source, "r")
    assert word in done.stdout, done.stderr
    assert not staged(home)


def test_after_the_end_nothing_is_kept(script: Script, home: Path) -> None:
    source = (
        OFFLINE + "run.finish()\ntry:\n    run.log_artifact(__file__)\nexcept ValueError as error:\n    print(error)"
    )
    assert "after p/r was finished" in script(source, "r").stdout
    assert not staged(home)


def test_a_file_that_is_written_while_it_is_copied_is_not_kept_torn(script: Script, home: Path) -> None:
    source = OFFLINE + (
        "from stepwell.run import sources\n"
        "copy = sources.copy_file\n"
        "def meanwhile(source, target):\n"
        "    size = copy(source, target)\n"
        "    with open(source, 'ab') as file: file.write(b'more')\n"
        "    return size\n"
        "sources.copy_file = meanwhile\n"
        "open('growing', 'w').write('x')\n"
        "try:\n    run.log_artifact('growing')\nexcept stepwell.errors.StagingError as error:\n    print(error)"
    )
    done = script(source, "r")
    assert "growing" in done.stdout, done.stderr
    assert "is being written while it is copied" in done.stdout
    assert not staged(home)


def test_names_in_any_language_and_with_colons_come_back(script: Script, home: Path, tmp_path: Path) -> None:
    names = ["Gewichte ünï 重み.bin", "epoch:3.pt", "..hidden", "a b", "%41&x=y", "-rf"]
    source = BEGIN + "".join(
        f"open({name!r}, 'w').write({name!r}); run.log_artifact({name!r}, type='t')\n" for name in names
    )
    done = script(source, "r")
    assert done.returncode == 0, done.stderr
    with stepwell.Api() as api:
        for number, name in enumerate(names):
            (path,) = api.artifact(f"p/{name}").download(tmp_path / str(number))
            assert (path.name, path.read_text()) == (name, name)


def test_the_record_of_many_files_says_how_much_they_are_and_the_manifest_names_them(
    script: Script, home: Path
) -> None:
    source = OFFLINE + (
        "os.mkdir('many')\n"
        "for number in range(5000):\n    open(f'many/{number:05d}.txt', 'w').write(str(number))\n"
        "run.log_artifact('many')"
    )
    done = script(source, "r")
    assert done.returncode == 0, done.stderr
    (folder,) = staged(home)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert len(manifest["files"]) == 5000
    (folder / "manifest.json").rename(folder / "aside.json")  # as if its process had been killed before it
    with stepwell.Api() as api:
        (waiting,) = api.run("p/r").artifacts()
        assert (waiting.state, waiting.size, waiting.files) == ("staged", 18890, ())
    (folder / "aside.json").rename(folder / "manifest.json")
    with stepwell.Api() as api:
        found = api.artifact("p/many")
        assert (len(found.files), found.size) == (5000, 18890)
        assert b"".join(found.read("04999.txt")) == b"4999"
