"""Shadow variants: they get copies of requests, and what they answer is measured and captured only.

https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html
"""

from __future__ import annotations

import contextlib
import threading
import time

import urllib3

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.services.sagemaker.endpoints.data_capture import Content, capture
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import InstanceUnavailableError
from kennel.localcloud.services.sagemaker.endpoints.endpoint_metrics import Invocation, publish_invocation
from kennel.localcloud.services.sagemaker.endpoints.model_request import Answer, IncompleteAnswerError
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant


def copy_request(
    cloud: Cloud, endpoint: Endpoint, variant: Variant, body: bytes, headers: dict[str, str]
) -> None:
    """Send a copy of a request to the shadow variants, in the background.

    Parameters
    ----------
    cloud, endpoint, variant
        The local cloud, and where the request went.
    body, headers
        What the model got.
    """
    fleet = endpoint.fleet
    for shadow in fleet.shadows(variant) if fleet else []:
        threading.Thread(
            target=_ask, args=(cloud, endpoint, shadow, body, headers), name="shadow request", daemon=True
        ).start()


def _ask(cloud: Cloud, endpoint: Endpoint, shadow: Variant, body: bytes, headers: dict[str, str]) -> None:
    began, answer = time.perf_counter(), Answer(0, {}, b"")
    instance = shadow.claim()
    if instance:
        # A request that fails is an error in its metrics.
        with contextlib.suppress(
            urllib3.exceptions.HTTPError, IncompleteAnswerError, InstanceUnavailableError
        ):
            answer = instance.request(body, headers)
    seconds = time.perf_counter() - began
    publish_invocation(cloud, endpoint.name, shadow, Invocation(seconds, seconds, answer.status, instance))
    config = endpoint.plan.capture if endpoint.plan else None
    if 200 <= answer.status < 300:
        came = Content(answer.body, answer.headers.get("Content-Type", "application/octet-stream"))
        went = Content(body, headers["Content-Type"])
        capture(cloud, endpoint.name, shadow.plan.name, shadow.plan.role, config, (went, came))
