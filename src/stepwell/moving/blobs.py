"""The blobs of an export's folder: a store of blobs as the embedded one is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from ..stores.blobs import BlobStore, open_blobs

__all__ = ["blobs_of"]


def blobs_of(folder: Path) -> BlobStore:
    """Made where it is not there. Raises BlobError."""
    return open_blobs(f"file://{quote(str((folder / 'blobs').absolute()))}")
