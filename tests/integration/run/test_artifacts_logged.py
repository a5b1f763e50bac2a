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
# One run after the other, of a line (id, file's content, aliases...) each.
LOG_EACH = """
import json
for id, content, *aliases in json.loads(sys.argv[1]):
    run = stepwell.init(project="p", id=id, settings={"quiet": True, "capture": False})
    with open("data.bin", "w") as file: file.write(content)
    run.log_artifact("data.bin", "data", aliases=aliases, metadata={"of": id})
    run.finish()
"""
USE_EACH = """
import json
for id, path in json.loads(sys.argv[1]):
    run = stepwell.init(project="p", id=id, settings={"quiet": True, "capture": False})
    found = run.use_artifact(path)
    (file,) = found.download(id)
    print(found.path, file.read_text())
    try: run.use_artifact("nothing:v9")
    except stepwell.errors.NotFound as error: print(error)
    run.finish()
"""


def staged(home: Path) -> list[Path]:
    return sorted((home / "staging").glob("*"))


def test_versions_aliases_and_downloads_without_a_service(script: Script, home: Path, tmp_path: Path) -> None:
    logged = [("r1", "one", "best"), ("r2", "two", "best", "fresh"), ("r3", "two"), ("r4", "one")]
    done = script(LOG_EACH, json.dumps(logged))
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
    "a file name that is no Unicode": ("'raw', 'n'", "is not valid Unicode; rename it"),
    "a folder without a file": ("'empty', 'n'", "it holds no file"),
    "a pipe": ("'pipe', 'n'", "not a regular file"),
    "a link to nothing": ("'dangling', 'n'", "No such file"),
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
        "for name in ('odd', 'raw', 'empty', 'pipe', 'dangling'): os.mkdir(name)\n"
        "open('odd/a\\nb', 'w').close(); open(b'raw/a\\xff', 'w').close()\n"
        "os.mkfifo('pipe/p'); os.symlink('/nowhere', 'dangling/link')\n"
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


MEANWHILE = {
    "grows": (
        "    size = copy(source, target)\n    open(source, 'ab').write(b'more')",
        "is being written while it is copied",
    ),
    "is removed": ("    os.unlink(source)\n    size = copy(source, target)", "No such file"),
    "is removed after its bytes": ("    size = copy(source, target)\n    os.unlink(source)", "No such file"),
}


@pytest.mark.parametrize(("what", "word"), MEANWHILE.values(), ids=MEANWHILE)
def test_a_file_that_changes_while_it_is_copied_is_not_kept_torn(
    what: str, word: str, script: Script, home: Path
) -> None:
    source = OFFLINE + (
        "from stepwell.run import sources\n"
        "copy = sources.copy_file\n"
        f"def meanwhile(source, target):\n{what}\n    return size\n"
        "sources.copy_file = meanwhile\n"
        "open('changing', 'w').write('x')\n"
        "try:\n    run.log_artifact('changing')\nexcept stepwell.errors.StagingError as error:\n    print(error)"
    )
    done = script(source, "r")
    assert "changing" in done.stdout, done.stderr
    assert word in done.stdout
    assert not staged(home)


def test_a_file_whose_name_is_as_long_as_can_be_comes_back(script: Script, home: Path, tmp_path: Path) -> None:
    name = "重" * 85
    assert script(BEGIN + f"open({name!r}, 'w').write('x'); run.log_artifact([{name!r}], 'long')", "r").returncode == 0
    with stepwell.Api() as api:
        (path,) = api.artifact("p/long").download(tmp_path / "back")
        assert (path.name, path.read_text()) == (name, "x")


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
    source = OFFLINE + (  # more than are announced one by one
        "os.mkdir('many')\n"
        "for number in range(1200):\n    open(f'many/{number:05d}.txt', 'w').write(str(number))\n"
        "run.log_artifact('many')"
    )
    done = script(source, "r")
    assert done.returncode == 0, done.stderr
    (folder,) = staged(home)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert len(manifest["files"]) == 1200
    (folder / "manifest.json").rename(folder / "aside.json")  # as if its process had been killed before it
    with stepwell.Api() as api:
        (waiting,) = api.run("p/r").artifacts()
        assert (waiting.state, waiting.size, waiting.files) == ("staged", 3690, ())
    (folder / "aside.json").rename(folder / "manifest.json")
    with stepwell.Api() as api:
        found = api.artifact("p/many")
        assert (len(found.files), found.size) == (1200, 3690)
        assert b"".join(found.read("01199.txt")) == b"1199"


def test_what_a_run_used_and_who_used_an_artifact(script: Script, home: Path, tmp_path: Path) -> None:
    logged = [("make1", "one", "good"), ("make2", "two"), ("make3", "two")]
    assert script(LOG_EACH, json.dumps(logged)).returncode == 0
    done = script(USE_EACH, json.dumps([("use1", "data:good"), ("use2", "p/data")]))
    nothing = "no artifact p/nothing\n"
    assert done.stdout == f"p/data:v0 one\n{nothing}p/data:v1 two\n{nothing}", done.stderr
    script(BEGIN + "for _ in range(2): run.use_artifact('data:v1')\nrun.use_artifact('data:v0')", "use3")

    def lineage(api: stepwell.Api) -> None:
        assert [one.path for one in api.run("p/use1").used()] == ["p/data:v0"]
        assert [one.path for one in api.run("p/use3").used()] == ["p/data:v1", "p/data:v0"]
        assert api.run("p/make1").used() == []
        assert [str(run) for run in api.artifact("p/data:v0").used_by()] == ["p/use1", "p/use3"]
        assert [str(run) for run in api.artifact("p/data:v1").used_by()] == ["p/use2", "p/use3"]
        assert str(api.artifact("p/data:v1").run) == "p/make2"

    with stepwell.Api() as api:
        lineage(api)
    with serving(home):
        lineage(stepwell.Api())


def test_a_part_of_an_artifact_is_read_alone(script: Script, home: Path, tmp_path: Path) -> None:
    source = BEGIN + (
        "os.mkdir('d')\n"
        "open('d/large.bin', 'wb').write(bytes(range(256)) * 70_000)\n"
        "open('d/small.txt', 'w').write('small')\n"
        "run.log_artifact(['d', stepwell.Reference('s3://lake/t.parquet', 'sha256:1', 10**12)], 'd')"
    )
    assert script(source, "r").returncode == 0

    def check(api: stepwell.Api, folder: Path) -> None:
        found = api.artifact("p/d")
        assert found.size == 256 * 70_000 + 5 + 10**12
        assert b"".join(found.read("large.bin", 16_777_210, 20)) == (bytes(range(256)) * 2)[250:270]
        assert b"".join(found.read("large.bin", 256 * 70_000 - 3)) == bytes((253, 254, 255))
        assert b"".join(found.read("small.txt", 2, 0)) == b""
        assert [path.name for path in found.download(folder, "*.txt")] == ["small.txt"]
        assert sorted(path.name for path in found.download(folder, progress=True)) == ["large.bin", "small.txt"]
        with pytest.raises(stepwell.errors.InvalidValue, match="5 bytes"):
            found.read("small.txt", 3, 3)
        with pytest.raises(stepwell.errors.NotFound, match="s3://lake"):
            found.read("t.parquet")
        with pytest.raises(stepwell.errors.NotFound, match="no file"):
            found.download(folder, "*.none")

    with stepwell.Api() as api:
        check(api, tmp_path / "local")
    with serving(home):
        check(stepwell.Api(), tmp_path / "http")


def test_a_reference_is_noted_and_another_digest_is_another_version(script: Script, home: Path) -> None:
    source = BEGIN + (
        "for digest in ('sha256:1', 'sha256:1', 'sha256:2'):\n"
        "    run.log_reference('s3://lake/train.parquet', digest, 10**12, metadata={'rows': 5})\n"
        "for wrong in (('nouri',), ('s3://x', 1), ('s3://x/y', 'ab'), ('s3://x/y', '', -1), ('s3://x/y', '', 1.5)):\n"
        "    try: run.log_reference(*wrong)\n    except stepwell.errors.InvalidValue: print('refused')"
    )
    assert script(source, "r").stdout == "refused\n" * 5
    with stepwell.Api() as api:
        assert [one.version for one in api.run("p/r").artifacts()] == [0, 0, 1]
        found = api.artifact("p/train.parquet:v1")
        assert [(file.uri, file.digest, file.size) for file in found.files] == [
            ("s3://lake/train.parquet", "sha256:2", 10**12)
        ]
        assert found.download(home / "nothing") == []
