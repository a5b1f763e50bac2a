"""What kind of filesystem a path lies on, and what that means for what is kept there. Reads /proc/mounts.

Shared by `run`, which warns of a disk that dies with its container, and `stepwell doctor`.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["dies_with_its_container", "filesystem_of", "is_network"]

_NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "fuse.glusterfs",
    "fuse.sshfs", "afs", "9p", "orangefs", "pvfs2", "wekafs", "fuse.s3fs", "fuse.juicefs",
}  # fmt: skip
# A container's own layer, and memory. A volume or a bind mount shows as the filesystem that it comes from.
_OF_A_CONTAINER = {"overlay", "aufs", "fuse.fuse-overlayfs", "tmpfs", "ramfs"}


def filesystem_of(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of filesystem a path lies on, as the kernel calls it; "" where that cannot be told."""
    try:
        lines = mounts.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    real, best, kind = os.path.realpath(path), "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = _unescaped(fields[1])
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, fields[2]
    return kind


def is_network(kind: str) -> bool:
    return kind in _NETWORK


def dies_with_its_container(kind: str) -> bool:
    return kind in _OF_A_CONTAINER


def _unescaped(place: str) -> str:
    """The kernel writes blanks and backslashes of a mount point as three octal digits."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        place = place.replace(code, character)
    return place
