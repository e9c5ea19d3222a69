"""S3's checksums in requests and answers: of objects, of uploads in parts and of copies."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import pytest

from kennel.localcloud.protocol.checksums import ALGORITHMS, digest_of

from .conftest import Client, refusal

BUCKET = "with-checksums"
PART = 5 * 1024 * 1024
PARTS = (b"a" * PART, b"end")
OTHER = base64.b64encode(bytes(8)).decode()


@pytest.fixture(scope="module")
def s3(client: Client) -> Any:
    client("s3").create_bucket(Bucket=BUCKET)
    return client("s3")


def checksum(algorithm: str, chunks: Iterable[bytes]) -> str:
    return base64.b64encode(digest_of(algorithm, chunks)).decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_object_s_checksum_is_compared_kept_and_answered(s3: Any, algorithm: str) -> None:
    member, target = f"Checksum{algorithm}", {"Bucket": BUCKET, "Key": algorithm}
    value = checksum(algorithm, [b"content"])
    assert s3.put_object(**target, Body=b"content", **{member: value})[member] == value
    assert refusal(s3.put_object, **target, Body=b"Content", **{member: value}) == (400, "BadDigest")
    assert s3.head_object(**target, ChecksumMode="ENABLED")[member] == value
    assert s3.get_object(**target)["Body"].read() == b"content"


def upload(s3: Any, key: str, **more: str) -> dict[str, Any]:
    """Upload two parts, and return the answer to their completion."""
    target: dict[str, Any] = {"Bucket": BUCKET, "Key": key}
    target["UploadId"] = s3.create_multipart_upload(**target, **more)["UploadId"]
    parts = []
    for number, body in enumerate(PARTS, 1):
        values = {}
        if "ChecksumAlgorithm" in more:
            algorithm = more["ChecksumAlgorithm"]
            member, value = f"Checksum{algorithm}", checksum(algorithm, [body])
            values = {member: value}
            wrong = {**target, "PartNumber": number, "Body": body[::-1] + b"?", **values}
            assert refusal(s3.upload_part, **wrong) == (400, "BadDigest")
        part = s3.upload_part(**target, PartNumber=number, Body=body, **values)
        assert {name: part[name] for name in values} == values
        parts.append({"PartNumber": number, "ETag": part["ETag"], **values})
    target["MultipartUpload"] = {"Parts": parts}
    if more.get("ChecksumType") == "FULL_OBJECT":
        complete, value = s3.complete_multipart_upload, checksum(algorithm, PARTS)
        assert refusal(complete, **target, ChecksumCRC32C="AAAAAA==") == (400, "BadDigest")
        assert refusal(complete, **target, ChecksumCRC64NVME=OTHER) == (400, "InvalidRequest")
        target[f"Checksum{algorithm}"] = value
    answer: dict[str, Any] = s3.complete_multipart_upload(**target)
    return answer


def test_an_upload_s_checksum_is_that_of_its_parts_checksums_or_of_the_whole(s3: Any) -> None:
    composite = checksum("CRC32C", [digest_of("CRC32C", [part]) for part in PARTS])
    answer = upload(s3, "composite", ChecksumAlgorithm="CRC32C")
    assert (answer["ChecksumCRC32C"], answer["ChecksumType"]) == (f"{composite}-2", "COMPOSITE")
    more = {"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"}
    answer = upload(s3, "full", **more)
    assert (answer["ChecksumCRC32C"], answer["ChecksumType"]) == (checksum("CRC32C", PARTS), "FULL_OBJECT")
    copy = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/composite")["CopyObjectResult"]
    assert copy["ChecksumCRC32C"] == checksum("CRC32C", PARTS)
    copied = s3.head_object(Bucket=BUCKET, Key="copy", ChecksumMode="ENABLED")
    assert (copied["ChecksumCRC32C"], copied["ChecksumType"]) == (copy["ChecksumCRC32C"], "FULL_OBJECT")


def test_an_upload_has_a_crc64nvme_unless_it_names_another(s3: Any) -> None:
    for key, more in (("given", {"ChecksumAlgorithm": "CRC64NVME"}), ("default", {})):
        answer = upload(s3, key, **more)
        assert answer["ChecksumType"] == "FULL_OBJECT"
        assert answer["ChecksumCRC64NVME"] == checksum("CRC64NVME", PARTS)
        head = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert head["ChecksumCRC64NVME"] == answer["ChecksumCRC64NVME"]


def test_a_part_is_shown_with_its_own_checksum(s3: Any) -> None:
    upload(s3, "of-parts", ChecksumAlgorithm="SHA256")
    target: dict[str, Any] = {"Bucket": BUCKET, "Key": "of-parts"}
    values = [checksum("SHA256", [body]) for body in PARTS]
    part = s3.get_object(**target, PartNumber=2, ChecksumMode="ENABLED")
    assert (part["Body"].read(), part["ChecksumSHA256"], part["ChecksumType"]) == (
        PARTS[1],
        values[1],
        "COMPOSITE",
    )
    attributes = {**target, "ObjectAttributes": ["ObjectParts"]}
    shown = s3.get_object_attributes(**attributes)["ObjectParts"]
    sizes = [len(body) for body in PARTS]
    assert [(part["Size"], part["ChecksumSHA256"]) for part in shown["Parts"]] == list(
        zip(sizes, values, strict=True)
    )
    assert (shown["TotalPartsCount"], shown["IsTruncated"]) == (2, False)
    first = s3.get_object_attributes(**attributes, MaxParts=1)["ObjectParts"]
    assert (first["IsTruncated"], first["NextPartNumberMarker"], len(first["Parts"])) == (True, 1, 1)
    rest = s3.get_object_attributes(**attributes, PartNumberMarker=1)["ObjectParts"]
    assert [part["PartNumber"] for part in rest["Parts"]] == [2]


def test_checksums_that_cannot_be_combined_or_computed_are_refused(s3: Any) -> None:
    create, target = s3.create_multipart_upload, {"Bucket": BUCKET, "Key": "refused"}
    for more in (
        {"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"},
        {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
        {"ChecksumType": "COMPOSITE"},
    ):
        assert refusal(create, **target, **more) == (400, "InvalidRequest")
    assert refusal(create, **target, ChecksumAlgorithm="XXHASH64") == (501, "NotImplemented")
    assert refusal(s3.put_object, **target, Body=b"", ChecksumXXHASH64=OTHER) == (501, "NotImplemented")


def test_an_object_without_a_checksum_gets_s3_s_default(s3: Any, client: Client) -> None:
    plain = client("s3", request_checksum_calculation="when_required")
    target = {"Bucket": BUCKET, "Key": "plain"}
    value = checksum("CRC64NVME", [b"content"])
    answer = plain.put_object(**target, Body=b"content")
    assert (answer["ChecksumCRC64NVME"], answer["ChecksumType"]) == (value, "FULL_OBJECT")
    for call in (s3.head_object, s3.get_object):
        read = call(**target, ChecksumMode="ENABLED")
        assert (read["ChecksumCRC64NVME"], read["ChecksumType"]) == (value, "FULL_OBJECT")
    attributes = s3.get_object_attributes(**target, ObjectAttributes=["Checksum"])["Checksum"]
    assert attributes == {"ChecksumCRC64NVME": value, "ChecksumType": "FULL_OBJECT"}
