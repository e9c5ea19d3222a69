"""What the local cloud's service takes: memory for objects, requests a second, also beside plain moto's.

Run it with `./kennel bench.localcloud`, or `PYTHONPATH=src .venv/bin/python benchmarks/local_cloud.py -h`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import local_cloud_throughput
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from kennel.localcloud import REGION, lifecycle

MB = 1_000_000
PHOTO = 2 * MB  # bytes
THREADS = 8
BUCKET = "photos"
SMALL = 10_000  # bytes of an object where requests are counted
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@contextmanager
def service(directory: Path) -> Iterator[lifecycle.Status]:
    """Run a local cloud in an empty folder."""
    status = lifecycle.up(directory, port=0)
    try:
        yield status
    finally:
        lifecycle.down(directory)


def client(name: str, status: lifecycle.Status) -> Any:
    """Return the operator's client."""
    environment = lifecycle.environment(status)
    return boto3.client(
        name,
        endpoint_url=status.endpoint_url,
        region_name=REGION,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=THREADS),
    )


def resident(pid: int) -> float:
    """Return a process's resident memory in MB."""
    output = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout
    return int(output) * 1024 / MB


def highest_resident(pid: int) -> float:
    """Return the highest resident memory so far in MB; elsewhere than on Linux, the present one."""
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return resident(pid)
    (line,) = (line for line in path.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / MB


def photos(status: lifecycle.Status, megabytes: int) -> None:
    """Upload photos from several threads."""
    storage = client("s3", status)
    base = random.randbytes(PHOTO - 8)  # noqa: S311 - no secret

    def put(number: int) -> None:
        storage.put_object(Bucket=BUCKET, Key=f"photos/{number}.jpg", Body=number.to_bytes(8, "big") + base)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, range(megabytes * MB // PHOTO)))


def archive(status: lifecycle.Status, megabytes: int, scratch: Path) -> None:
    """Upload an archive in parts, copy it and some photos, and read all back in ranges and as a whole."""
    storage = client("s3", status)
    source, target = scratch / "source", scratch / "target"
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(random.randbytes(MB))  # noqa: S311 - no secret
    transfer = TransferConfig(multipart_threshold=8 * MB, multipart_chunksize=8 * MB)
    storage.upload_file(str(source), BUCKET, "archive", Config=transfer)
    storage.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/archive")
    for number in range(20):
        storage.copy_object(
            Bucket=BUCKET, Key=f"copies/{number}.jpg", CopySource=f"{BUCKET}/photos/{number}.jpg"
        )
        storage.get_object(Bucket=BUCKET, Key=f"copies/{number}.jpg")["Body"].read()
    storage.download_file(BUCKET, "copy", str(target), Config=transfer)
    if source.read_bytes() != target.read_bytes():
        raise SystemExit("the archive came back changed")


def rate(call: Callable[[int], object], count: int) -> dict[str, float]:
    """Return calls a second from several threads, and the longest call in milliseconds."""

    def timed(number: int) -> float:
        began = time.perf_counter()
        call(number)
        return time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        seconds = sorted(pool.map(timed, range(count)))
    return {
        "per_second": round(count / (time.perf_counter() - began), 1),
        "median_ms": round(seconds[count // 2] * 1000, 1),
        "p99_ms": round(seconds[count * 99 // 100] * 1000, 1),
        "longest_ms": round(seconds[-1] * 1000, 1),
    }


def rates(status: lifecycle.Status, count: int) -> dict[str, Any]:
    """Count requests that change something, and one that does not."""
    storage, iam, body = client("s3", status), client("iam", status), os.urandom(SMALL)
    trust = json.dumps(TRUST)
    put = rate(lambda number: storage.put_object(Bucket=BUCKET, Key=f"small/{number}", Body=body), count)
    create = rate(
        lambda number: iam.create_role(RoleName=f"role-{number}", AssumeRolePolicyDocument=trust), count
    )
    head = rate(lambda number: storage.head_object(Bucket=BUCKET, Key=f"small/{number}"), count)
    return {"put_object": put, "create_role": create, "head_object": head}


def measure(options: argparse.Namespace, report: Callable[[str], None]) -> dict[str, Any]:
    """Return what was measured."""
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as folder:
        scratch = Path(folder)
        document: dict[str, Any] = {"requests": options.requests, "megabytes": options.megabytes}
        with service(scratch / "rates") as status:
            client("s3", status).create_bucket(Bucket=BUCKET)
            report("requests")
            document["rates"] = rates(status, options.requests)
        if options.rounds:
            with service(scratch / "beside") as status:
                operator = lifecycle.environment(status)
                document["beside_moto"] = local_cloud_throughput.compare(
                    operator, options.rounds, options.requests // 10, report
                )
        if options.megabytes:
            with service(scratch / "cloud") as status:
                assert status.pid is not None
                client("s3", status).create_bucket(Bucket=BUCKET)
                document["before_mb"] = round(resident(status.pid), 1)
                report(f"{options.megabytes} MB of photos")
                photos(status, options.megabytes)
                document["after_photos_mb"] = round(resident(status.pid), 1)
                report("an archive in parts, copies")
                archive(status, options.megabytes // 4, scratch)
                document["after_all_mb"] = round(resident(status.pid), 1)
                document["highest_mb"] = round(highest_resident(status.pid), 1)
        return document


def main() -> int:
    """Measure, and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--megabytes", type=int, default=2000, help="of photos; a quarter of it as one archive"
    )
    parser.add_argument("--requests", type=int, default=2000, help="of each kind whose rate is measured")
    parser.add_argument("--rounds", type=int, default=5, help="of the comparison with plain moto; 0: none")
    options = parser.parse_args()
    print(json.dumps(measure(options, lambda line: print(line, file=sys.stderr, flush=True)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
