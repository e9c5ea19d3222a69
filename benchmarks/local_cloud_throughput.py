"""Calls a second of the local cloud, signed and authorised, beside plain moto's, which checks neither.

Both servers get the requests that boto3 sends, byte for byte: prepared before, and sent again and again by
clients that do nothing else, so that the servers are measured and not boto3. The servers take turns.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from kennel.localcloud import ACCOUNT_ID, REGION
from kennel.localcloud.runtime.ports import free_port

BUCKET, ROLE, SIZE = "throughput", "throughput", 100_000
CLIENTS = 4
START_SECONDS = 60.0
TRUST = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
    "Action": "sts:AssumeRole",
}
# As roles of a stack have them: a statement for each thing, resources by name, a condition.
POLICY: list[dict[str, Any]] = [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    {"Effect": "Allow", "Action": ["sagemaker:List*", "sagemaker:Describe*"], "Resource": "*"},
    {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT_ID}},
    },
]
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "GetCallerIdentity": ("sts", "get_caller_identity", {}),
    "PutObject": ("s3", "put_object", {"Bucket": BUCKET, "Body": bytes(range(250)) * (SIZE // 250)}),
    "GetObject": ("s3", "get_object", {"Bucket": BUCKET}),
    "ListEndpoints": ("sagemaker", "list_endpoints", {}),
}
Variables = dict[str, str]


@dataclass(frozen=True)
class Request:
    """A request as it is sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class _PreparedError(Exception):
    def __init__(self, request: Any) -> None:
        super().__init__(request.method)
        self.request = request


@contextmanager
def plain_moto() -> Iterator[Variables]:
    """Run moto's own server, and yield its address with credentials."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT_ID},
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("moto's server did not start")
            time.sleep(0.1)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "any",
        }
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/moto-api/")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _client(name: str, variables: Variables) -> Any:
    return boto3.client(
        name,
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=variables.get("AWS_SESSION_TOKEN"),
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def populate(variables: Variables) -> Variables:
    """Make what is asked for, and return the variables of a role's session that may ask."""
    iam = _client("iam", variables)
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": POLICY})
    iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=policy)
    _client("s3", variables).create_bucket(Bucket=BUCKET)
    keys = _client("sts", variables).assume_role(RoleArn=role, RoleSessionName="throughput")["Credentials"]
    return {
        "AWS_ENDPOINT_URL": variables["AWS_ENDPOINT_URL"],
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def prepared(variables: Variables, name: str) -> list[Request]:
    """Return the requests that boto3 sends for a call, one for each client; signatures hold for 15 minutes.

    Each client has its own object: moto's server fails where two overwrite one.
    """
    return [_prepared(variables, name, {"Key": f"object-{number}"}) for number in range(CLIENTS)]


def _prepared(variables: Variables, name: str, key: dict[str, str]) -> Request:
    service, method, parameters = CALLS[name]
    if "Bucket" in parameters:
        parameters = {**parameters, **key}
    client = _client(service, variables)

    def catch(request: Any, **_: Any) -> None:
        raise _PreparedError(request)

    client.meta.events.register("before-send", catch)
    try:
        getattr(client, method)(**parameters)
    except _PreparedError as caught:
        sent = caught.request
        url = urlsplit(sent.url)
        headers = {
            key: value.decode() if isinstance(value, bytes) else value for key, value in sent.headers.items()
        }
        body = sent.body if isinstance(sent.body, bytes | str | None) else sent.body.read()
        content = body.encode() if isinstance(body, str) else body or b""
        return Request(
            sent.method, (url.path or "/") + (f"?{url.query}" if url.query else ""), headers, content
        )
    raise SystemExit(f"boto3 sent no request for {name}")


def per_second(port: int, requests: list[Request], count: int) -> float:
    """Return how many requests a second a server answers, asked by `CLIENTS` clients at once.

    Raises
    ------
    SystemExit
        An answer was not one of success.
    """

    share = -(-count // CLIENTS)

    def ask(request: Request) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(share):
            connection.request(request.method, request.target, request.body, request.headers)
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise SystemExit(f"{request.method} {request.target}: {response.status} {content[:300]!r}")
        connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(ask, requests))
    return share * CLIENTS / (time.perf_counter() - began)


def compare(operator: Variables, rounds: int, count: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Return, for each call, the rates of both servers, and their ratio with its spread over the rounds.

    Parameters
    ----------
    operator
        Of an empty local cloud.
    rounds
        In each, every call is measured at both servers; who is first changes.
    count
        Requests of a measurement.
    """
    with plain_moto() as moto:
        servers = {"local_cloud": populate(operator), "moto": populate(moto)}
        ports = {
            name: urlsplit(variables["AWS_ENDPOINT_URL"]).port or 0 for name, variables in servers.items()
        }
        rates: dict[str, dict[str, list[float]]] = {call: {name: [] for name in servers} for call in CALLS}
        for number in range(rounds + 1):
            report(f"round {number} of {rounds}" if number else "warming up")
            for call in CALLS:
                for name in sorted(servers, reverse=bool(number % 2)):
                    requests = prepared(servers[name], call)
                    rate = per_second(ports[name], requests, count if number else CLIENTS * 5)
                    if number:
                        rates[call][name].append(rate)
    return {call: _summary(of_call) for call, of_call in rates.items()}


def _summary(rates: dict[str, list[float]]) -> dict[str, float]:
    ratios = [own / moto for own, moto in zip(rates["local_cloud"], rates["moto"], strict=True)]
    return {
        "local_cloud_per_second": round(statistics.median(rates["local_cloud"]), 1),
        "moto_per_second": round(statistics.median(rates["moto"]), 1),
        "ratio": round(statistics.median(ratios), 2),
        "lowest_ratio": round(min(ratios), 2),
        "highest_ratio": round(max(ratios), 2),
    }
