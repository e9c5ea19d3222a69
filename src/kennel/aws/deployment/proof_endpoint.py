"""The proof before traffic: a release must answer its golden photos on an endpoint that nobody else asks.

One instance of the type that will serve, with the image, the role, the isolation and the key of the stack's
endpoint, for as long as the proof takes. There is one deployment of a stack at a time, so its proof endpoint
always has the same name: what a killed deployment left is found by it, and Terraform makes its log group.
"""

from __future__ import annotations

import contextlib
import mimetypes
from collections.abc import Iterator
from typing import Any

from kennel.aws import Progress, StackError, endpoint_lifecycle, prediction
from kennel.aws.deployment import proof
from kennel.aws.deployment.deployment_record import Deployment
from kennel.aws.deployment.proof import Proof
from kennel.aws.deployment.short_lived_endpoint import ShortLivedEndpoint
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release.golden import GoldenPhoto

OPTION = "--no-proof-endpoint"


def prove(stack: Stack, deployment: Deployment, report: Progress) -> Proof:
    """Serve a deployment's release, compare its answers with the golden photos, and delete what served it.

    Raises
    ------
    StackError
        It does not start, or an answer is none or another than the model gave when it was packaged.
    """
    name = stack["proof_endpoint"]["name"]
    instance_type = deployment.instance_type or stack["endpoint"]["instance_type"]
    tags = {"Release": deployment.id}
    endpoint = ShortLivedEndpoint(
        name, deployment.image, deployment.model_data_url, instance_type, tags, deployment.serverless
    )
    place = "serverless" if deployment.serverless else f"one {instance_type}"

    def ask(photo: GoldenPhoto) -> proof.Answer:
        return prediction.invoke_endpoint(name, photo.content, _media_type(photo))

    report(f"{deployment.id} is proven on {name}, {place}, before it has any traffic")
    try:
        with _explained(instance_type):
            endpoint.create(stack, report)
        return proof.compare(deployment, name, ask, report)
    finally:
        endpoint_lifecycle.delete(name, report)


def clear(stack: Stack, report: Progress) -> list[str]:
    """Delete what a killed deployment's proof left; return a line about it."""
    name = stack["proof_endpoint"]["name"]
    return [f"{name} was left by a proof, and is deleted"] if endpoint_lifecycle.delete(name, report) else []


@contextlib.contextmanager
def _explained(instance_type: str) -> Iterator[None]:
    """Say where a container's log is, and what to do about a quota; AWS's other errors name their own remedy.

    Raises
    ------
    StackError
        The container did not start, or the account's quota has no instance left.
    """
    from botocore.exceptions import ClientError

    try:
        yield
    except StackError as error:
        raise StackError(f"{error} (its log: ./kennel logs proof)") from error
    except ClientError as error:
        details: Any = error.response["Error"]
        if details["Code"] != "ResourceLimitExceeded":
            raise
        raise StackError(
            f"the proof before traffic needs one more {instance_type}, which the account's quota refuses "
            f"({details['Message']}): raise the quota, or go on without the proof with {OPTION}"
        ) from error


def _media_type(photo: GoldenPhoto) -> str:
    # Python 3.11 has no media type for the suffix of WebP.
    return mimetypes.guess_type(photo.name)[0] or f"image/{photo.name.rpartition('.')[2]}"
