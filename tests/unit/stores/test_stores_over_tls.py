"""Both stores through TLS: whose certificates are trusted, and what is said of one that is not."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from blake3 import blake3

from components.certificates import own_certificate
from components.clickhouse import ClickHouse
from components.faulty_proxy import FaultyProxy
from components.s3_servers import S3Server
from making_blocks import Making
from stepwell.errors import BlobError, StoreUnavailable
from stepwell.stores.blobs import open_blobs
from stepwell.stores.ingest import Ingest
from stepwell.stores.metrics import open_metrics

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # asked for, by verify=0


def test_rows_pass_through_tls_where_the_certificate_is_trusted(clickhouse: ClickHouse, tmp_path: Path) -> None:
    certificate, tls = own_certificate(tmp_path)
    database = f"tls_{uuid.uuid4().hex}"
    plain = open_metrics(clickhouse.url(database))
    plain.migrate()
    plain.close()
    blobs = open_blobs(f"file://{tmp_path}/blobs")
    with FaultyProxy(clickhouse.http_port, tls) as proxy:
        for number, options in enumerate(({"ca": str(certificate)}, {"verify": "0"})):
            url = clickhouse.url(database, secure="1", **options)
            store = open_metrics(url.replace(f":{clickhouse.http_port}/", f":{proxy.port}/"))
            making = Making(id=f"run{number}")
            assert [outcome.ok for outcome in Ingest(store, blobs).write([making.block(5)])] == [True]
            assert store.rows("SELECT count() AS n FROM v_scalars") == [{"n": 5 * (number + 1)}]
            store.close()
        url = clickhouse.url(database, secure="1")
        store = open_metrics(url.replace(f":{clickhouse.http_port}/", f":{proxy.port}/"))
        with pytest.raises(StoreUnavailable, match="certificate verify failed"):
            store.rows("SELECT 1")
        store.close()


def test_blobs_pass_through_tls_where_the_certificate_is_trusted(minio_s3: S3Server, tmp_path: Path) -> None:
    certificate, tls = own_certificate(tmp_path)
    bucket = f"tls-{uuid.uuid4().hex}"
    open_blobs(minio_s3.url(bucket)).prepare()
    data = b"through tls" * 100_000
    digest = blake3(data).hexdigest()
    with FaultyProxy(minio_s3.port, tls) as proxy:
        for options in ({"ca": str(certificate)}, {"verify": "0"}):
            blobs = open_blobs(minio_s3.url(bucket, port=proxy.port, secure="1", **options))
            blobs.put([data], digest, len(data))
            assert b"".join(blobs.open(digest)) == data
        with pytest.raises(BlobError, match="certificate verify failed"):
            open_blobs(minio_s3.url(bucket, port=proxy.port, secure="1")).check()
