"""service.json: how agent, Api and CLI of the same user find the service of a home, and its token."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime, timezone
from pathlib import Path

from .auth import Token

__all__ = ["remove_service_file", "write_service_file"]


def write_service_file(path: Path, *, url: str, grpc: str, token: Token, boot: str) -> None:
    """Whole or not at all, 0600 from its first byte. The last service of a home to start is the one found."""
    content = {
        "url": url,
        "grpc": grpc,
        "token": token.reveal(),
        "pid": os.getpid(),
        "boot": boot,
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    new = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            json.dump(content, file)
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def remove_service_file(path: Path, boot: str) -> None:
    """Removes it if it is this service's."""
    try:
        ours = json.loads(path.read_text()).get("boot") == boot
    except (OSError, ValueError, AttributeError):  # gone, or another's and broken: not ours to remove
        return
    if ours:
        path.unlink(missing_ok=True)
