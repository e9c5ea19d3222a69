"""An asynchronous endpoint's queue: what waits, what is worked on, and what becomes of it.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

from __future__ import annotations

import functools
import json
import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime import cloudwatch_metrics as metrics
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.role_session import RoleSession, error_text, role_session
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint, endpoints
from kennel.localcloud.services.sagemaker.endpoints.endpoint_metrics import INVOCATIONS
from kennel.localcloud.services.sagemaker.endpoints.inference_request import InferenceRequest, QueuedCall
from kennel.localcloud.services.sagemaker.endpoints.invocation import ask_endpoint
from kennel.localcloud.services.sagemaker.endpoints.model_request import Answer
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import SERVICE, SESSION

log = logging.getLogger(__name__)

LONGEST_SECONDS = 3600  # of one inference
MOST_BYTES = 1_000_000_000  # of an input, and of what comes out
CONCURRENCY = 4  # of an instance, where the configuration gives none: AWS chooses it, and does not say how
CAPACITY_SECONDS = 0.2  # how often instances are counted while requests wait
METRIC_SECONDS = 60.0


class InferenceError(Exception):
    """An inference failed; the text says why."""


class InferenceQueue:
    """The requests of one endpoint.

    Parameters
    ----------
    cloud, name
        The local cloud, and the endpoint's name.
    waiting
        Requests of a snapshot.
    """

    def __init__(self, cloud: Cloud, name: str, waiting: tuple[InferenceRequest, ...] = ()) -> None:
        self._cloud, self._name = cloud, name
        self._waiting, self._working = deque(waiting), list[InferenceRequest]()
        self._changed, self._dispatching = threading.Condition(), False

    def __reduce__(self) -> tuple[Any, ...]:
        return InferenceQueue, (self._cloud, self._name, (*self._working, *self._waiting))

    def put(self, request: InferenceRequest) -> None:
        """Take a request."""
        with self._changed:
            self._waiting.append(request)
        self._cloud.changes.note()
        self.dispatch()

    def dispatch(self) -> None:
        """Work on what waits, in the background."""
        with self._changed:
            if self._dispatching or not self._waiting:
                return
            self._dispatching = True
        threading.Thread(target=self._dispatch, name=f"queue {self._name}", daemon=True).start()

    @property
    def backlog(self) -> int:
        """How many requests wait or are worked on."""
        return len(self._waiting) + len(self._working)

    def capacity(self, endpoint: Endpoint) -> tuple[int, int]:
        """Return an endpoint's instances in service, and how many requests they work on together."""
        fleet = endpoint.fleet
        instances = sum(len(variant.serving) for variant in fleet.variants.values()) if fleet else 0
        config = (endpoint.plan.asynchronous if endpoint.plan else None) or {}
        each = (config.get("ClientConfig") or {}).get("MaxConcurrentInvocationsPerInstance") or CONCURRENCY
        return instances, instances * each

    def _dispatch(self) -> None:
        while True:
            endpoint = endpoints(self._cloud).get(self._name)
            with self._changed:
                if endpoint is None or not self._waiting:  # a deleted endpoint's requests are lost, as on AWS
                    self._waiting.clear()
                    self._dispatching = False
                    return
                due = self._waiting[0].expires <= self._cloud.clock.now()
                if not due and len(self._working) >= self.capacity(endpoint)[1]:
                    self._changed.wait(CAPACITY_SECONDS)
                    continue
                request = self._waiting.popleft()
                self._working.append(request)
            threading.Thread(
                target=self._work, args=(endpoint, request), name=f"inference {self._name}", daemon=True
            ).start()

    def _work(self, endpoint: Endpoint, request: InferenceRequest) -> None:
        began = self._cloud.clock.now()
        try:
            self._infer(endpoint, request)
        except Exception:
            log.exception("a queued request of endpoint %s", self._name)
        finally:
            with self._changed:
                self._working.remove(request)
                self._changed.notify_all()
            self._cloud.changes.note()
        waited = (began - request.received).total_seconds() * 1000
        dimensions = {"EndpointName": self._name}
        metrics.publish(self._cloud, INVOCATIONS, dimensions, TimeInBacklog=waited, InvocationsProcessed=1)

    def _infer(self, endpoint: Endpoint, request: InferenceRequest) -> None:
        """Work on a request, write what came of it, and notify whoever is to be."""
        plan = endpoint.plan
        assert plan is not None
        assert plan.asynchronous is not None
        output = plan.asynchronous["OutputConfig"]
        session = role_session(self._cloud, plan.variants[0].role, SERVICE, SESSION)
        reason, content_type = "", ""
        try:
            answer = self._answer(endpoint, request, session)
            content_type = answer.headers.get("Content-Type", "")
            _put(session, request.output_location, answer.body, output.get("KmsKeyId"), content_type)
        except InferenceError as error:
            reason = str(error)
            metrics.publish(self._cloud, INVOCATIONS, {"EndpointName": self._name}, InvocationFailures=1)
        except (ClientError, ServiceException, storage.StorageError) as error:
            reason = f"ClientError: the output could not be written: {error_text(error)}"
        try:
            if reason and request.failure_location:
                _put(session, request.failure_location, reason.encode(), output.get("KmsKeyId"), "text/plain")
            self._notify(session, request, output.get("NotificationConfig") or {}, reason, content_type)
        except (ClientError, ServiceException, storage.StorageError) as error:
            log.warning("endpoint %s could not report an inference: %s", self._name, error_text(error))

    def _answer(self, endpoint: Endpoint, request: InferenceRequest, session: RoleSession) -> Answer:
        if request.expires <= self._cloud.clock.now():
            metrics.publish(self._cloud, INVOCATIONS, {"EndpointName": self._name}, ExpiredRequests=1)
            raise InferenceError("ClientError: the request expired before it was worked on.")
        location = request.parameters["InputLocation"]
        try:
            bucket, key = storage.split(location)
            body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES + 1)
        except (ClientError, ServiceException, storage.StorageError) as error:
            raise InferenceError(
                f"ClientError: failed to download {location}: {error_text(error)}"
            ) from error
        if len(body) > MOST_BYTES:
            raise InferenceError(f"ClientError: {location} is larger than {MOST_BYTES} bytes.")
        call = QueuedCall(self._cloud, request.parameters)
        try:
            return ask_endpoint(call, endpoint, body, request.seconds, MOST_BYTES)[0]
        except AwsError as error:
            raise InferenceError(error.message) from error

    def _notify(
        self,
        session: RoleSession,
        request: InferenceRequest,
        topics: Mapping[str, str],
        reason: str,
        content_type: str,
    ) -> None:
        topic = topics.get("ErrorTopic" if reason else "SuccessTopic")
        if not topic:
            return
        asked = {"inputLocation": request.parameters["InputLocation"], "endpointName": self._name}
        if request.parameters.get("ContentType"):
            asked["contentType"] = request.parameters["ContentType"]
        place = request.failure_location if reason else request.output_location
        result = {"outputLocation": place, **({"contentType": content_type} if content_type else {})}
        message = {
            "awsRegion": self._cloud.region,
            "eventTime": f"{self._cloud.clock.now():%Y-%m-%dT%H:%M:%S.%fZ}",
            "receivedTime": f"{request.received:%Y-%m-%dT%H:%M:%S.%fZ}",
            "invocationStatus": "Failed" if reason else "Completed",
            **({"failureReason": reason} if reason else {}),
            "requestParameters": asked,
            "responseParameters": result,
            "inferenceId": request.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        session.client("sns").publish(TopicArn=topic, Message=json.dumps(message))


def _put(session: RoleSession, uri: str, body: bytes, key_id: str | None, content_type: str) -> None:
    bucket, key = storage.split(uri)
    more = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
    more |= {"ContentType": content_type} if content_type else {}
    session.client("s3").put_object(Bucket=bucket, Key=key, Body=body, **more)


@dataclass
class InferenceQueues(KeptStore):
    """The queues of a cloud's asynchronous endpoints."""

    by_name: dict[str, InferenceQueue] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """Work on what was accepted before the local cloud ended."""
        for queue in self.by_name.values():
            queue.dispatch()


def inference_queue(cloud: Cloud, name: str) -> InferenceQueue:
    """Return the queue of an endpoint."""
    with cloud.lock:
        return cloud.store(InferenceQueues).by_name.setdefault(name, InferenceQueue(cloud, name))


def watch_queues(cloud: Cloud) -> None:
    """Publish the backlog of asynchronous endpoints every minute of the clock."""
    cloud.clock.every(METRIC_SECONDS, functools.partial(publish_backlogs, cloud))


def publish_backlogs(cloud: Cloud) -> None:
    """Publish how many requests each asynchronous endpoint has: scaling policies follow it."""
    for name, endpoint in list(endpoints(cloud).items()):
        if not endpoint.plan or not endpoint.plan.asynchronous:
            continue
        queue = inference_queue(cloud, name)
        instances, _ = queue.capacity(endpoint)
        values = {
            "ApproximateBacklogSize": float(queue.backlog),
            "HasBacklogWithoutCapacity": float(bool(queue.backlog and not instances)),
            # Without an instance it is the whole backlog: AWS scales from zero "after the number of backlog
            # requests exceeds the target tracking value".
            "ApproximateBacklogSizePerInstance": queue.backlog / max(1, instances),
        }
        metrics.publish_samples(cloud, INVOCATIONS, {"EndpointName": name}, values)
