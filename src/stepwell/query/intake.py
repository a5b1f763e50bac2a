"""Taking waiting spools and staged checkpoints into the embedded stores, when no service does it.

`Intake` only reads them: the agent that owns them may be alive, and still has to send them. `sync_embedded`
takes them over and removes what is stored. Repeats are harmless: every row's key is its writer's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BlobError, InvalidValue, SpoolError, StoreError
from ..home import Home
from ..settings import Settings
from ..spool import Frame, Spool, Staged, find_spools, find_staged
from ..spool.layout import Position, read_json, segments_of, write_json
from ..spool.segments import read_frames
from ..stores.artifacts import ArtifactCommit, ArtifactFile
from ..stores.ingest import Outcome, Reason
from ..stores.local import LocalStores
from ..version import VERSION
from .arriving import acked_place

__all__ = ["Intake", "Synced", "sync_embedded"]

_log = logging.getLogger("stepwell.query")

TAKEN = "taken.json"
READ_BYTES = 8 << 20  # of spool, for one batch of inserts


class Intake:
    """What of a home's spools is in its embedded store, remembered in the file `taken.json` of the store.

    `refresh` is cheap where nothing has come: one look at the folders. Not thread-safe.
    """

    def __init__(self, stores: LocalStores, home: Home) -> None:
        self._stores = stores
        self._home = home
        self._file = home.store / TAKEN
        kept = read_json(self._file)
        self._places = {
            str(name): Position(int(place[0]), int(place[1])) for name, place in dict(kept.get("spools", {})).items()
        }
        self._staged = set(map(str, kept.get("staged", [])))

    def refresh(self) -> int:
        """Takes in what has come; the number of blocks. A block that cannot be stored stays where it is."""
        before = (dict(self._places), set(self._staged))
        spools = find_spools(self._home.spool)
        blocks = sum(self._take_spool(path) for path in spools)
        staged = find_staged(self._home.path)
        for folder in staged:
            self._take_staged(folder)
        self._places = {path.name: self._places[path.name] for path in spools if path.name in self._places}
        self._staged &= {folder.name for folder in staged}
        if (self._places, self._staged) != before:
            write_json(self._file, {"spools": self._places, "staged": sorted(self._staged)})
        return blocks

    def _take_spool(self, path: Path) -> int:
        place, blocks = self._places.get(path.name) or acked_place(path), 0
        try:
            for segment in segments_of(path):
                if segment < place.segment:
                    continue
                at = place if segment == place.segment else Position(segment, 0)
                while True:
                    frames, end, _ = read_frames(path, at, READ_BYTES)
                    if end <= at.offset:
                        break
                    outcomes = self._stores.ingest.write([frame.payload for frame in frames])
                    if any(outcome.reason is Reason.RETRY for outcome in outcomes):
                        raise StoreError(next(o.message for o in outcomes if o.reason is Reason.RETRY))
                    _warn(path, outcomes)
                    blocks += len(frames)
                    at = Position(segment, end)
                    self._places[path.name] = at
        except FileNotFoundError:  # sent, and removed by its agent while we read: a service has it
            _log.debug("%s was removed while it was read", path)
        return blocks

    def _take_staged(self, folder: Path) -> None:
        if folder.name in self._staged:
            return
        try:
            _store_staged(self._stores, Staged.load(folder))
        except (SpoolError, BlobError, InvalidValue) as error:
            if folder.exists():  # else: uploaded and removed by its agent meanwhile
                _log.warning("a checkpoint stays in %s: %s", folder, error)
            return
        self._staged.add(folder.name)


@dataclass
class Synced:
    """What `sync_embedded` did. left: why something stayed, a line each.

    discarded: blocks and checkpoints of runs that were purged; they count as taken in, and are kept nowhere.
    """

    spools: int = 0
    blocks: int = 0
    bytes: int = 0
    checkpoints: int = 0
    discarded: int = 0
    left: list[str] = field(default_factory=list)


def sync_embedded(
    stores: LocalStores,
    root: Path,
    settings: Settings | None = None,
    progress: Callable[[Synced], None] = lambda _: None,
) -> Synced:
    """Takes the spools and staged checkpoints below `root` into the stores, and removes what is durable there.

    What is meant for a service elsewhere stays. A spool that its agent still holds is read, not removed.
    """
    settings = settings or Settings.load()
    done = Synced()
    for path in find_spools(root):
        try:
            _sync_spool(stores, path, settings, done, progress)
        except (SpoolError, StoreError, OSError) as error:
            done.left.append(f"{path}: {error}")
    for folder in find_staged(root):
        try:
            _sync_staged(stores, folder, done)
        except (SpoolError, StoreError, BlobError, InvalidValue, OSError) as error:
            done.left.append(f"{folder}: {error}")
        progress(done)
    return done


def _sync_spool(
    stores: LocalStores, path: Path, settings: Settings, done: Synced, progress: Callable[[Synced], None]
) -> None:
    try:
        spool = Spool.adopt(path, settings)
    except SpoolError as error:
        _log.debug("reading a spool that cannot be adopted: %s", error)
        spool = Spool.open_readonly(path, settings)
    with spool:
        if spool.destination.server:
            done.left.append(f"{path}: waits for {spool.destination.server}, which does not answer")
            return
        done.spools += 1
        for frames in _batches(spool.frames()):
            outcomes = stores.ingest.write([frame.payload for frame in frames])
            stored = [frame for frame, outcome in zip(frames, outcomes, strict=True) if outcome.ok]
            spool.mark_acked(stored)
            done.blocks += len(stored)
            done.discarded += sum(outcome.discarded for outcome in outcomes)
            done.bytes += sum(frame.length for frame in stored)
            for frame, outcome in zip(frames, outcomes, strict=True):
                _set_aside(spool, frame, outcome, done)
            progress(done)
        spool.save()
        if spool.held:
            spool.close(keep_acked=False)


def _set_aside(spool: Spool, frame: Frame, outcome: Outcome, done: Synced) -> None:
    if outcome.ok:
        return
    if outcome.reason is Reason.RETRY:
        raise StoreError(outcome.message)
    if outcome.reason is Reason.TOO_NEW:
        spool.hold(frame, VERSION)
        done.left.append(f"{spool.path}: a block is held for a newer stepwell: {outcome.message}")
    else:
        spool.refuse(frame, outcome.reason.name if outcome.reason else "", outcome.message)
        done.left.append(f"{spool.path}: a block was refused and is kept beside the spool: {outcome.message}")


def _sync_staged(stores: LocalStores, folder: Path, done: Synced) -> None:
    staged = Staged.load(folder)
    if staged.destination.server:
        done.left.append(f"{folder}: waits for {staged.destination.server}, which does not answer")
        return
    lock = staged.lock()
    if lock is None:
        done.left.append(f"{folder}: is being uploaded by another process")
        return
    try:
        done.discarded += not _store_staged(stores, staged)
        staged.remove()
    finally:
        lock.release()
    done.checkpoints += 1


def _store_staged(stores: LocalStores, staged: Staged) -> bool:
    """False where its run was purged."""
    digests = staged.digests()
    for file in staged.uploads:
        if stores.blobs.claim(digests[file.path]) is None:
            stores.blobs.put(staged.chunks(file), digests[file.path], file.size)
    return stores.ingest.commit_artifact(
        ArtifactCommit(
            project=staged.project,
            id=staged.id,
            run=staged.run,
            writer=staged.writer,
            row_seq=staged.row_seq,
            rank=staged.rank,
            version=staged.version,
            step=staged.step,
            time_ms=staged.time_ms,
            kind=staged.kind,
            name=staged.name,
            metadata=staged.metadata,
            files=tuple(ArtifactFile(file.path, digests[file.path], file.size, file.uri) for file in staged.files),
            type=staged.type,
            aliases=staged.aliases,
            part=staged.part,
            parts=staged.parts,
        )
    )


def _batches(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    """Runs of frames of at most READ_BYTES together, so that memory stays bounded."""
    batch: list[Frame] = []
    size = 0
    for frame in frames:
        batch.append(frame)
        size += frame.length
        if size >= READ_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _warn(path: Path, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if not outcome.ok:
            _log.warning("a block in %s cannot be read back yet: %s", path, outcome.message)
