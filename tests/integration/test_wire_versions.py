"""The generated wire code runs on the protobuf that is installed: CI runs this on the oldest and the newest allowed."""

from __future__ import annotations

import google.protobuf

from stepwell.v1 import blob_pb2, blob_pb2_grpc, ingest_pb2, ingest_pb2_grpc


def test_every_message_of_the_wire_comes_back_equal() -> None:
    assert google.protobuf.__version__.split(".")[0] in ("6", "7")
    frame = ingest_pb2.Frame(sequence=1, writer=2**64 - 1, first_seq=1, last_seq=9, crc32c=7, block=b"\0\xff")
    for message in (
        ingest_pb2.IngestRequest(frame=frame),
        ingest_pb2.IngestReply(ack=ingest_pb2.Ack(sequences=[1, 2, 3], discarded=[2])),
        ingest_pb2.IngestReply(nack=ingest_pb2.Nack(sequence=4, reason=ingest_pb2.Nack.TOO_NEW, message="é")),
        blob_pb2.PutRequest(header=blob_pb2.PutHeader(digest="00", size=2**40)),
        blob_pb2.CommitRequest(run=bytes(16), files=[blob_pb2.ArtifactFile(path="a", digest="b", size=3)]),
        blob_pb2.BeginDirectRequest(digest="00", size=2**40, first_part=9),
        blob_pb2.BeginDirectReply(
            part_bytes=1 << 23,
            there=[blob_pb2.PartThere(number=1, md5="a", size=1 << 23)],
            addresses=[blob_pb2.PartAddress(number=2, url="http://h/")],
        ),
        blob_pb2.EndDirectRequest(digest="00", size=2**40),
        blob_pb2.CommitReply(discarded=True),
    ):
        assert type(message).FromString(message.SerializeToString()) == message


def test_the_services_are_there() -> None:
    assert ingest_pb2_grpc.IngestServicer
    assert blob_pb2_grpc.BlobsServicer
