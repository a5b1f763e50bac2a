"""`stepwell.Reference`: data of an artifact that stays where it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidValue

__all__ = ["Reference"]

_URI_BYTES_MAX, _DIGEST_BYTES_MAX = 4096, 256


@dataclass(frozen=True)
class Reference:
    """Data that stays where it is: noted with its digest and size, not copied.

    Args:
        uri: Where it is, of any scheme: "s3://lake/train.parquet". At most 4096 bytes.
        digest: What tells other data from it, with its algorithm: "sha256:...", "etag:..." or another, at most 256
            bytes. Default: none.
        size: Bytes. Default: 0, not known.
        path: Its name in the artifact. Default: what follows the last "/" of the uri.

    Example:
        ```python
        run.log_artifact(["README.md", stepwell.Reference("s3://lake/train.parquet", "sha256:9f...", 10**12)], "data")
        ```
    """

    uri: str
    digest: str = ""
    reference_size: int = 0
    path: str = ""

    def __init__(self, uri: str, digest: str = "", size: int = 0, path: str | None = None) -> None:
        if not isinstance(uri, str) or "://" not in uri or len(uri.encode()) > _URI_BYTES_MAX:
            raise InvalidValue(f"a reference's uri is like s3://bucket/key, at most 4096 bytes, not {str(uri)[:200]!r}")
        if not isinstance(digest, str) or len(digest.encode()) > _DIGEST_BYTES_MAX or (digest and ":" not in digest):
            # A bare one would be taken for that of a blob.
            raise InvalidValue(f"the digest of {uri} names its algorithm, as sha256:..., not {str(digest)[:200]!r}")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 1 << 63:
            raise InvalidValue(f"the size of {uri} is a number of bytes, not {size!r}")
        object.__setattr__(self, "uri", uri)
        object.__setattr__(self, "digest", digest)
        object.__setattr__(self, "reference_size", size)
        object.__setattr__(self, "path", path or uri.partition("://")[2].rstrip("/").rpartition("/")[2])

    @property
    def name(self) -> str:
        """In the artifact."""
        return self.path

    @property
    def size(self) -> int:
        """Bytes that it needs in staging: none."""
        return 0

    def place(self, target: Path) -> dict[str, Any]:  # noqa: ARG002 - nothing is made
        """What the manifest says of it.

        Args:
            target: Not used.
        """
        return {"path": self.path, "size": self.reference_size, "uri": self.uri, "digest": self.digest}
