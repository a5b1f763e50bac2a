"""The address of a bucket: s3://BUCKET/PREFIX?endpoint=HOST:PORT&option=value."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from ..errors import BlobError

__all__ = ["S3Address"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEYS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"),
    ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
)
_OPTIONS = ("endpoint", "secure", "verify", "ca", "region", "access_key", "secret_key", "session_token",
            "public")  # fmt: skip


@dataclass(frozen=True)
class S3Address:
    bucket: str
    prefix: str
    """Of every object's key; "" or ends with '/'."""
    endpoint: str
    public: str
    """HOST:PORT by which the machines that record reach the endpoint."""
    secure: bool
    verify: bool
    ca: str | None
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)

    @property
    def where(self) -> str:
        """Without keys."""
        return f"s3://{self.bucket}/{self.prefix}?endpoint={self.endpoint}"

    @classmethod
    def parse(cls, url: str) -> S3Address:
        """Keys that it does not name come from the environment. Raises BlobError, which quotes no key."""
        place, _, query = url.partition("://")[2].partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise BlobError(
                f"the S3 address has an option {unknown[0]!r} that is unknown; there are {', '.join(_OPTIONS)}"
            )
        bucket, _, prefix = unquote(place).partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise BlobError(
                "a bucket is named by 3 to 63 lower-case letters, digits, '.' and '-': s3://BUCKET?endpoint=HOST:PORT"
            )
        access_key, secret_key = options.get("access_key", ""), options.get("secret_key", "")
        token = options.get("session_token") or None
        for user, password in _KEYS:
            if not access_key and os.environ.get(user):
                access_key, secret_key = os.environ[user], os.environ.get(password, "")
                token = token or (os.environ.get("AWS_SESSION_TOKEN") if user.startswith("AWS") else None)
        if not access_key or not secret_key:
            raise BlobError(
                f"no keys for bucket {bucket!r}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
                "(or MINIO_ACCESS_KEY and MINIO_SECRET_KEY), or write &access_key=...&secret_key=... in the address"
            )
        return cls(
            bucket=bucket,
            prefix=f"{prefix.strip('/')}/" if prefix.strip("/") else "",
            endpoint=(endpoint := options.get("endpoint") or "s3.amazonaws.com"),
            public=options.get("public") or endpoint,
            secure=_flag(options, "secure"),
            verify=_flag(options, "verify"),
            ca=options.get("ca") or None,
            region=options.get("region") or os.environ.get("AWS_REGION") or "us-east-1",
            access_key=access_key,
            secret_key=secret_key,
            session_token=token,
        )


def _flag(options: dict[str, str], name: str) -> bool:
    text = options.get(name, "1").lower()
    if text not in ("0", "1", "true", "false", "yes", "no"):
        raise BlobError(f"{name}= of the S3 address is 1 or 0, not {text[:20]!r}")
    return text in ("1", "true", "yes")
