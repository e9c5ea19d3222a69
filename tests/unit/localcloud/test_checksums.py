"""The checksums of S3's objects."""

from __future__ import annotations

import base64

import pytest

from kennel.localcloud.protocol import checksums
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.protocol.payload import OF_THE_OBJECT, verified

CHECK = b"123456789"  # whose CRCs the catalogue of CRC algorithms lists as their check values
OF_CHECK = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "SHA512": (
        "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
        "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85"
    ),
    "MD5": "25f9e794323b453885f5181f1b624d0b",
}
# RFC 3720, appendix B.4: CRC32C of 32 bytes.
OF_ISCSI = {
    "8a9136aa": bytes(32),
    "62a8ab43": b"\xff" * 32,
    "46dd794e": bytes(range(32)),
    "113fdb5c": bytes(range(31, -1, -1)),
}


def header(algorithm: str) -> str:
    return f"HTTP_X_AMZ_CHECKSUM_{algorithm}"


def text(digest: str | bytes) -> str:
    return base64.b64encode(bytes.fromhex(digest) if isinstance(digest, str) else digest).decode()


def check(environ: dict[str, str], content: bytes = CHECK, operation: str = "PutObject") -> dict[str, object]:
    return verified(dict(environ), content, operation, None, "")[1]


def refused(environ: dict[str, str], content: bytes = CHECK, operation: str = "PutObject") -> str:
    with pytest.raises(AwsError) as caught:
        check(environ, content, operation)
    return caught.value.code


def test_every_algorithm_has_a_vector() -> None:
    assert set(OF_CHECK) == set(checksums.ALGORITHMS)


@pytest.mark.parametrize("algorithm", OF_CHECK)
def test_a_checksum_is_compared_with_the_content(algorithm: str) -> None:
    value = OF_CHECK[algorithm]
    assert checksums.digest_of(algorithm, [CHECK[:4], b"", CHECK[4:]]).hex() == value
    assert check({header(algorithm): text(value)}) == {checksums.SDK_ALGORITHM: algorithm}
    assert refused({header(algorithm): text(value)}, CHECK + b"0") == "BadDigest"
    assert refused({header(algorithm): text(value)}, b"") == "BadDigest"
    assert refused({header(algorithm): text(value[2:])}) == "InvalidRequest"
    assert refused({header(algorithm): "?"}) == "InvalidRequest"


@pytest.mark.parametrize("value", OF_ISCSI)
def test_crc32c_is_that_of_iscsi(value: str) -> None:
    assert checksums.digest_of("CRC32C", [OF_ISCSI[value]]).hex() == value


@pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME"])
def test_the_checksum_of_a_trailer_is_compared(algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm.lower()}"
    environ = {
        "HTTP_X_AMZ_CONTENT_SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "HTTP_X_AMZ_DECODED_CONTENT_LENGTH": "9",
        "HTTP_X_AMZ_TRAILER": name,
    }
    trailer = f"\r\n0\r\n{name}:{text(OF_CHECK[algorithm])}\r\n\r\n".encode()
    content, changes = verified(dict(environ), b"9\r\n" + CHECK + trailer, "PutObject", None, "")
    assert (content, changes[checksums.SDK_ALGORITHM]) == (CHECK, algorithm)
    assert refused(environ, b"9\r\n" + CHECK[::-1] + trailer) == "BadDigest"


def test_several_checksums_are_refused() -> None:
    both = {header(name): text(OF_CHECK[name]) for name in ("CRC32C", "CRC64NVME")}
    assert refused(both) == "InvalidRequest"


@pytest.mark.parametrize("operation", ["PutObject", *sorted(OF_THE_OBJECT)])
def test_algorithms_that_are_not_computed_are_refused(operation: str) -> None:
    for name in ("XXHASH64", "xxhash3"):
        assert refused({"HTTP_X_AMZ_CHECKSUM_ALGORITHM": name}, operation=operation) == "NotImplemented"
    assert refused({header("XXHASH128"): text(bytes(16))}, operation=operation) == "NotImplemented"
    assert refused({checksums.SDK_ALGORITHM: "CRC16"}, operation=operation) == "InvalidRequest"


def test_an_object_s_checksum_is_not_that_of_a_request_about_it() -> None:
    assert (
        check({header("CRC64NVME"): text(OF_CHECK["CRC64NVME"])}, b"<xml/>", "CompleteMultipartUpload") == {}
    )
