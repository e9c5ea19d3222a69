"""The endpoint of the demonstration: a model that waits instead of computing, scaled as the stack's is."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any

from kennel.aws import Progress, endpoint_lifecycle, session
from kennel.aws.infrastructure import variable_defaults

NAME, VARIANT, BUCKET = "scaling-demo", "AllTraffic", "scaling-demo"
MODEL_SECONDS = 0.05  # the model's wait: many requests fit on two cores
APPLICATION = f"""
import asyncio
async def application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    await receive()
    await asyncio.sleep({MODEL_SECONDS})
    headers = [(b"content-type", b"text/plain")]
    await send({{"type": "http.response.start", "status": 200, "headers": headers}})
    await send({{"type": "http.response.body", "body": b"woof"}})
"""
CONFIG = "applications: [{name: demo, route_prefix: /, import_path: 'asgi:application'}]"
SAGEMAKER = {"Service": "sagemaker.amazonaws.com"}
SERVED_BY = {"Effect": "Allow", "Principal": SAGEMAKER, "Action": "sts:AssumeRole"}
READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}


@dataclass(frozen=True)
class Policy:
    """Target tracking of invocations, with the cooldowns of the stack.

    Attributes
    ----------
    target
        Invocations per instance and minute.
    """

    target: int
    most: int


def create(policy: Policy, report: Progress) -> None:
    """Create the endpoint with one instance, and register its variant for scaling."""
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=_archive())
    sagemaker.create_model(
        ModelName=NAME,
        PrimaryContainer={"Image": _image(), "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"},
        ExecutionRoleArn=_role(),
    )
    variant = {
        "VariantName": VARIANT,
        "ModelName": NAME,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    endpoint_lifecycle.wait_until_ready(NAME, report)
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{NAME}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling = session.client("application-autoscaling")
    stack = variable_defaults.of_object(session.ROOT / "terraform", "autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=policy.most)
    scaling.put_scaling_policy(
        **target,
        PolicyName=f"{NAME}-invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": policy.target,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
            "ScaleInCooldown": int(stack["scale_in_cooldown_seconds"]),
            "ScaleOutCooldown": int(stack["scale_out_cooldown_seconds"]),
        },
    )


def ask() -> None:
    """Send a request; an answer that is none is an error."""
    session.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=NAME, ContentType="text/plain", Body=b"photo"
    )["Body"].read()


def _archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("code/asgi.py", APPLICATION), ("config.yaml", CONFIG)):
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _image() -> str:
    """Return the image of the stack's releases, in a registry of any account."""
    table: Any = json.loads((session.ROOT / "terraform" / "images.json").read_text(encoding="utf-8"))
    image = table["inference"]["cpu"]
    registry = f"763104351884.dkr.ecr.{session.region()}.amazonaws.com"
    return f"{registry}/{image['repository']}:{image['tag']}"


def _role() -> str:
    iam = session.client("iam")
    document = {"Version": "2012-10-17"}
    trust = json.dumps({**document, "Statement": [SERVED_BY]})
    role: str = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = json.dumps({**document, "Statement": [READS]})
    iam.put_role_policy(RoleName=NAME, PolicyName="read", PolicyDocument=policy)
    return role
