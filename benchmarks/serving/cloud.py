"""The whole way on a local cloud: the function, the endpoint behind it, and the release that this serves."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import load
from botocore.config import Config

from kennel.aws.infrastructure import function_package
from kennel.aws.release import release_archive
from kennel.localcloud import REGION, lifecycle

ROOT = Path(__file__).resolve().parents[2]
NAME = "bench"
START_SECONDS = 240.0


@dataclass
class Cloud:
    """A local cloud that runs, and clients of its operator."""

    environment: dict[str, str]

    def client(self, service: str) -> Any:
        """Return a client that tries once."""
        return boto3.client(
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                read_timeout=load.SECONDS,
                max_pool_connections=1,
            ),
        )

    def role(self) -> str:
        """Create the role of endpoint and function; return its ARN."""
        services = {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]}
        trust = {"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        trusted, allowed = (
            json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            for statement in (trust, everything)
        )
        iam = self.client("iam")
        role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=trusted)
        iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=allowed)
        return str(role["Role"]["Arn"])


def image() -> str:
    """Return the address of the image that endpoints have."""
    entry = json.loads((ROOT / "terraform" / "images.json").read_text())["inference"]["cpu"]
    return f"763104351884.dkr.ecr.{REGION}.amazonaws.com/{entry['repository']}:{entry['tag']}"


@contextmanager
def running(folder: Path) -> Iterator[Cloud]:
    """Run a local cloud in a folder for the block."""
    try:
        yield Cloud(lifecycle.environment(lifecycle.up(folder, port=0)))
    finally:
        lifecycle.down(folder)


def deploy(cloud: Cloud, release: Path, folder: Path) -> None:
    """Create endpoint and function, as the stack does, and wait until the endpoint serves.

    Raises
    ------
    load.LoadError
        The endpoint does not start.
    """
    role = cloud.role()
    storage = cloud.client("s3")
    storage.create_bucket(Bucket=NAME)
    storage.put_object(Bucket=NAME, Key="model.tar.gz", Body=release_archive.pack(release))
    sagemaker = cloud.client("sagemaker")
    container = {"Image": image(), "ModelDataUrl": f"s3://{NAME}/model.tar.gz"}
    sagemaker.create_model(ModelName=NAME, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "AllTraffic", "ModelName": NAME, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=NAME, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    cloud.client("lambda").create_function(
        FunctionName=NAME,
        Runtime="python3.12",
        Handler="app.handler",
        Role=role,
        Code={
            "ZipFile": function_package.build(
                ROOT / "lambda" / "predict", folder / "predict.zip"
            ).read_bytes()
        },
        Timeout=60,
        MemorySize=512,
        Environment={"Variables": {"ENDPOINT_NAME": NAME, "INBOX_BUCKET": NAME, "INBOX_PREFIX": "inbox/"}},
    )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        state = sagemaker.describe_endpoint(EndpointName=NAME)
        if state["EndpointStatus"] == "InService":
            return
        if state["EndpointStatus"] == "Failed":
            raise load.LoadError(f"the endpoint does not start: {state.get('FailureReason')}")
        time.sleep(0.2)
    raise load.LoadError(f"the endpoint does not serve within {START_SECONDS:.0f} s")


def function_client(cloud: Cloud, photo: bytes) -> Callable[[], load.Call]:
    """Return what connects a client to the function."""
    event = json.dumps({"image": base64.b64encode(photo).decode()}).encode()

    def connect() -> load.Call:
        client = cloud.client("lambda")

        def call() -> float:
            answer = json.loads(client.invoke(FunctionName=NAME, Payload=event)["Payload"].read())
            if answer.get("statusCode") in (429, 503):
                return float(answer.get("headers", {}).get("Retry-After", 1))
            if answer.get("statusCode") != 200:
                raise load.LoadError(f"the function answers {str(answer)[:300]}")
            return 0.0

        return call

    return connect


def endpoint_client(cloud: Cloud, photo: bytes) -> Callable[[], load.Call]:
    """Return what connects a client to the endpoint."""
    from botocore.exceptions import ClientError

    def connect() -> load.Call:
        client = cloud.client("sagemaker-runtime")

        def call() -> float:
            try:
                client.invoke_endpoint(EndpointName=NAME, ContentType="image/jpeg", Body=photo)["Body"].read()
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if error.response.get("OriginalStatusCode", status) not in (429, 503):
                    raise load.LoadError(str(error)) from error
                return 1.0
            return 0.0

        return call

    return connect
