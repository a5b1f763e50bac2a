"""`blob_upload="direct"`: an agent's parts go past the service into a real bucket, and count only once read back."""

from __future__ import annotations

import json
import random
import shutil
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from blake3 import blake3

from agents import GIVES_UP, agent_log, run_agent
from components.faulty_proxy import Fault, FaultyProxy
from components.s3_servers import S3Server
from http_client import HttpClient
from serving import Service
from stepwell.ids import run_uuid
from stepwell.stores.blobs import open_blobs
from stepwell.v1 import blob_pb2 as pb
from stepwell.v1 import blob_pb2_grpc
from stream_client import credentials
from support import end_processes_of

DIRECT = {
    "STEPWELL_BLOB_UPLOAD": "direct",
    "STEPWELL_BACKOFF_MIN_S": "0.01",
    "STEPWELL_BACKOFF_MAX_S": "0.1",
    "STEPWELL_AGENT_LINGER_S": "20",
}
SIZE = (20 << 20) + 12_345  # three parts
KILLED = -9


@dataclass
class Setting:
    """A service whose bucket is reached by agents through a proxy of the test's, and by itself without it.

    It has a home of its own, so that it starts no agent where the test's are at work. Tests share it: each has a home
    and data of its own.
    """

    home: Path
    data: bytes
    server: S3Server
    bucket: str
    proxy: FaultyProxy
    service: Service
    before: frozenset[str] = frozenset()

    def parts(self) -> list[str]:
        """The numbers of the parts that agents have put."""
        lines = [line for line in self.proxy.requests if line.startswith("PUT")]
        return [line.partition("partNumber=")[2].partition("&")[0].partition(" ")[0] for line in lines]

    @property
    def digest(self) -> str:
        return blake3(self.data).hexdigest()

    def objects(self) -> list[str]:
        """All but whose the bucket is, and what was there before this test."""
        found = {str(one.object_name) for one in self.server.client().list_objects(self.bucket, recursive=True)}
        return sorted(name for name in found - self.before if not name.startswith("owners/"))

    def upload(self, code: int = 0, **env: str) -> None:
        introduce(self.service, self.home)
        assert run_agent(self.home, env={**DIRECT, **env}) == code

    def stub(self) -> blob_pb2_grpc.BlobsStub:
        return blob_pb2_grpc.BlobsStub(grpc.insecure_channel(credentials(self.service.home)[0]))

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {credentials(self.service.home)[1]}")]

    def assert_stored(self) -> None:
        assert not (self.home / "staging" / "c1").exists()
        assert HttpClient(self.service.home)("GET", f"/api/v1/blobs/{self.digest}").body == self.data
        named = named_in_a_bucket(self.digest)
        assert self.objects() == [named, f"{named}.chunks"]
        part = b"".join(open_blobs(self.server.url(self.bucket)).open(self.digest, 17 << 20, 1000))
        assert part == self.data[17 << 20 :][:1000]


def named_in_a_bucket(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


@pytest.fixture(scope="module", params=["minio_s3", "versity_s3"])
def s3_served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    server: S3Server = request.getfixturevalue(request.param)
    bucket = f"direct-{uuid.uuid4().hex}"
    open_blobs(server.url(bucket)).prepare()
    home = tmp_path_factory.mktemp("served") / "home"
    with FaultyProxy(server.port) as proxy:
        url = server.url(bucket, public=f"127.0.0.1:{proxy.port}")
        service = Service(home, env={"STEPWELL_BLOBS_URL": url}).start()
        yield Setting(home, b"", server, bucket, proxy, service)
        service.kill()
        end_processes_of(home)


@pytest.fixture
def setting(s3_served: Setting, home: Path) -> Setting:
    if s3_served.service.process is not None and s3_served.service.process.poll() is not None:
        s3_served.service.start()  # a test that failed has left it dead
    s3_served.proxy.faults.clear()
    s3_served.proxy.requests.clear()
    before = s3_served.server.client().list_objects(s3_served.bucket, recursive=True)
    names = frozenset(str(one.object_name) for one in before)
    return replace(s3_served, home=home, data=random.randbytes(SIZE), before=names)


def introduce(service: Service, home: Path) -> None:
    """The service's address and token to agents of this home, as if it were their own."""
    home.mkdir(exist_ok=True)
    shutil.copy(service.home / "service.json", home / "service.json")


def stage(home: Path, data: bytes, name: str = "c1") -> None:
    id = uuid.uuid4().hex
    folder = home / "staging" / name
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "model.bin").write_bytes(data)
    manifest = {
        "run": run_uuid("p", id).hex, "project": "p", "id": id, "writer": 7, "row_seq": int(name[1:]), "rank": 0,
        "version": 99,
        "step": 10, "time_ms": 1, "kind": "checkpoint", "name": name, "metadata": {}, "server": "", "mode": "online",
        "files": [{"path": "model.bin", "size": len(data)}],
    }  # fmt: skip
    draft = folder / "manifest.new"
    draft.write_text(json.dumps(manifest))
    draft.rename(folder / "manifest.json")


def test_the_parts_go_past_the_service(setting: Setting) -> None:
    stage(setting.home, setting.data)
    setting.upload()
    assert setting.parts() == ["1", "2", "3"]
    setting.assert_stored()


def test_a_killed_agent_goes_on_with_what_is_there(setting: Setting) -> None:
    stage(setting.home, setting.data)
    setting.upload(code=KILLED, STEPWELL_KILLPOINT="agent.part:2")
    assert named_in_a_bucket(setting.digest) not in setting.objects()
    setting.upload()
    assert setting.parts() == ["1", "2", "3"]
    setting.assert_stored()


@pytest.mark.parametrize("where", ["service.joined", "service.verified"])
def test_a_service_that_is_killed_while_it_verifies_begins_to_verify_again(setting: Setting, where: str) -> None:
    setting.service.kill()
    setting.service.start(env={"STEPWELL_KILLPOINT": where})
    stage(setting.home, setting.data)
    introduce(setting.service, setting.home)
    run_agent(setting.home, env={**DIRECT, **GIVES_UP})
    assert (setting.home / "staging" / "c1").exists()
    setting.service.wait()
    setting.service.start()
    setting.upload()
    assert setting.parts() == ["1", "2", "3"]
    setting.assert_stored()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", status=403, code="AccessDenied", times=2),
        Fault("PUT", status=500, code="InternalError"),
        Fault("PUT", body_bytes=3_000_000),
        Fault("PUT", answer_bytes=10),
    ],
    ids=["expired", "an error", "cut in the middle", "an answer that is lost"],
)
def test_a_part_that_does_not_get_through_is_put_to_a_new_address(setting: Setting, fault: Fault) -> None:
    setting.proxy.faults.append(replace(fault))  # it is used up
    stage(setting.home, setting.data)
    setting.upload()
    assert set(setting.parts()) == {"1", "2", "3"}
    assert len(setting.parts()) > 3
    setting.assert_stored()


def put(url: str, data: bytes) -> None:
    urllib.request.urlopen(urllib.request.Request(url, data, method="PUT"), timeout=60).close()


def test_other_bytes_than_were_announced_never_become_the_blob(setting: Setting) -> None:
    data, digest = setting.data, setting.digest
    stub, metadata = setting.stub(), setting.metadata
    begun = stub.BeginDirect(pb.BeginDirectRequest(digest=digest, size=len(data)), metadata=metadata)
    forged = data[:-1] + bytes([data[-1] ^ 1])
    for address in begun.addresses:
        start = (address.number - 1) * begun.part_bytes
        put(address.url, forged[start : start + begun.part_bytes])
    with pytest.raises(grpc.RpcError) as caught:
        stub.EndDirect(pb.EndDirectRequest(digest=digest, size=len(data)), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "has the digest" in caught.value.details()
    assert setting.objects() == []
    assert not stub.Have(pb.HaveRequest(digests=[digest]), metadata=metadata).held
    with pytest.raises(urllib.error.HTTPError):  # the addresses are good for that upload alone
        put(begun.addresses[0].url, b"late")


def test_parts_that_are_missing_are_waited_for(setting: Setting) -> None:
    data, digest = setting.data, setting.digest
    stub, metadata = setting.stub(), setting.metadata
    begun = stub.BeginDirect(pb.BeginDirectRequest(digest=digest, size=len(data)), metadata=metadata)
    put(begun.addresses[1].url, data[begun.part_bytes : 2 * begun.part_bytes])
    with pytest.raises(grpc.RpcError) as caught:
        stub.EndDirect(pb.EndDirectRequest(digest=digest, size=len(data)), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.ABORTED
    again = stub.BeginDirect(pb.BeginDirectRequest(digest=digest, size=len(data), first_part=3), metadata=metadata)
    assert [(part.number, part.size) for part in again.there] == [(2, begun.part_bytes)]
    assert [address.number for address in again.addresses] == [3]


# --- where there is no direct way


def test_a_bucket_out_of_reach_is_said_once_and_the_service_takes_the_blob(home: Path, minio_s3: S3Server) -> None:
    bucket = f"direct-{uuid.uuid4().hex}"
    url = minio_s3.url(bucket, public="127.0.0.1:1")
    open_blobs(url).prepare()
    assert_goes_through_the_service(home, url, "does not answer from here")


def test_a_store_of_files_takes_the_blob_through_the_service(home: Path, tmp_path: Path) -> None:
    assert_goes_through_the_service(home, f"file://{tmp_path}/blobs", "it offers no direct way")


def assert_goes_through_the_service(home: Path, url: str, said: str) -> None:
    service = Service(home.with_name("s3_served"), env={"STEPWELL_BLOBS_URL": url}).start()
    introduce(service, home)
    large = [random.randbytes(SIZE) for _ in range(2)]
    for number, data in enumerate(large, 1):
        stage(home, data, f"c{number}")
    assert run_agent(home, env=DIRECT) == 0
    for data in large:
        assert HttpClient(service.home)("GET", f"/api/v1/blobs/{blake3(data).hexdigest()}").body == data
    assert agent_log(home).count("large blobs go through the service") == 1
    assert said in agent_log(home)
    service.kill()
