"""A certificate for 127.0.0.1 that nobody but its own file vouches for."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from components.programs import need

__all__ = ["own_certificate"]


def own_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """The file to trust, and what a server with it speaks."""
    need(Path("/usr/bin/openssl"), "openssl")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=stepwell test",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
