"""A transform job's life: its model servers come up, answer for every file, and go."""

from __future__ import annotations

import logging
import shutil
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3
from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import InstanceUnavailableError
from kennel.localcloud.services.sagemaker.endpoints.fleet import Fleet
from kennel.localcloud.services.sagemaker.endpoints.model_request import IncompleteAnswerError
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import (
    LONGEST_REASON,
    SERVICE,
    SESSION,
    FleetError,
    VariantPlan,
)
from kennel.localcloud.services.sagemaker.training.job import INTERRUPTED
from kennel.localcloud.services.sagemaker.training.record import FINAL_STATUSES
from kennel.localcloud.services.sagemaker.transform import records

log = logging.getLogger(__name__)

FOLDER = "transforms"  # of the unpacked models, in the cloud's folder
LONGEST_ANSWER = 100 * 1024 * 1024  # as MaxPayloadInMB bounds what is sent; AWS publishes no limit of answers
SECONDS = 600  # of a request, where the job gives no InvocationsTimeoutInSeconds


class TransformError(Exception):
    """The job failed; the text is its FailureReason."""


class StoppedError(Exception):
    """The job was stopped."""


class TransformJob:
    """A job that really runs.

    Parameters
    ----------
    cloud, record, parameters
        The local cloud, moto's record of the job, and CreateTransformJob's parameters.
    plan
        Its model, and how many instances it gets.
    """

    def __init__(self, cloud: Cloud, record: Any, parameters: dict[str, Any], plan: VariantPlan) -> None:
        self._cloud, self.record, self._parameters, self._plan = cloud, record, parameters, plan
        self._stop = threading.Event()

    def __reduce__(self) -> tuple[Any, ...]:
        return TransformJob, (self._cloud, self.record, self._parameters, self._plan)

    @property
    def _name(self) -> str:
        name: str = self._parameters["TransformJobName"]
        return name

    def start(self) -> None:
        """Begin, in the background."""
        record = self.record
        record.transform_job_status, record.creation_time = "InProgress", self._cloud.clock.now()
        record.transform_start_time = record.transform_end_time = record.failure_reason = None
        threading.Thread(target=self._run, name=f"transform {self._name}", daemon=True).start()

    def stop(self) -> None:
        """Ask it to end: what is being answered is not waited for."""
        self.record.transform_job_status = "Stopping"
        self._stop.set()

    def interrupt(self) -> None:
        """End a job that ran when the local cloud ended."""
        if self.record.transform_job_status not in FINAL_STATUSES:
            stopping = self.record.transform_job_status == "Stopping"
            self._end("Stopped" if stopping else "Failed", "" if stopping else INTERRUPTED)

    def _run(self) -> None:
        status, reason = "Completed", ""
        folder = self._cloud.directory / FOLDER / self._name
        fleet = Fleet(self._cloud, self._name, [self._plan], folder)
        try:
            fleet.start()
            self.record.transform_start_time = self._cloud.clock.now()
            self._transform(fleet.variants[self._plan.name])
        except StoppedError:
            status = "Stopped"
        except (TransformError, FleetError) as error:
            status, reason = "Failed", str(error)
        except (ClientError, ServiceException, storage.StorageError) as error:
            status, reason = "Failed", f"ClientError: {error_text(error)}"
        except Exception as error:  # a fault of the local cloud must not leave the job InProgress
            log.exception("transform job %s", self._name)
            status = "Failed"
            reason = f"InternalServerError: the local cloud failed: {error!r}. Its log says more."
        fleet.close()
        shutil.rmtree(folder, ignore_errors=True)
        self._end("Stopped" if self._stop.is_set() else status, reason)
        self._cloud.changes.note()

    def _end(self, status: str, reason: str) -> None:
        record = self.record
        record.failure_reason = reason[:LONGEST_REASON] or None
        record.transform_end_time = self._cloud.clock.now()
        record.transform_job_status = status  # last: whoever waits for it may rely on the rest

    def _transform(self, variant: Variant) -> None:
        source = self._parameters["TransformInput"]["DataSource"]["S3DataSource"]
        s3 = role_session(self._cloud, self._plan.role, SERVICE, SESSION).client("s3")
        objects = storage.list_objects(s3, source["S3Uri"])
        if not objects:
            raise TransformError(f"ClientError: No S3 objects found under {source['S3Uri']}.")
        bucket = storage.split(source["S3Uri"])[0]
        most = self._parameters.get("MaxConcurrentTransforms") or 1
        with ThreadPoolExecutor(most * self._plan.count) as workers:
            futures = [
                workers.submit(self._transform_file, s3, variant, bucket, key, relative)
                for key, relative in objects
            ]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                workers.shutdown(cancel_futures=True)
                raise

    def _transform_file(self, s3: Any, variant: Variant, bucket: str, key: str, relative: str) -> None:
        given, output = self._parameters["TransformInput"], self._parameters["TransformOutput"]
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        most = (self._parameters.get("MaxPayloadInMB") or records.MOST_MB) * 1024 * 1024
        strategy = self._parameters.get("BatchStrategy") or "MultiRecord"
        try:
            content = records.unpacked(content, given.get("CompressionType") or "None")
            bodies = list(records.requests(content, given.get("SplitType") or "None", strategy, most))
        except (records.PayloadError, OSError, EOFError, zlib.error) as error:
            raise TransformError(f"ClientError: s3://{bucket}/{key}: {error}") from error
        answers = [self._answer(variant, body, f"s3://{bucket}/{key}") for body in bodies]
        target, prefix = storage.split(output["S3OutputPath"].rstrip("/"))
        name = f"{prefix}/{relative}.out".lstrip("/")
        key_id = output.get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
        body = records.assembled(answers, output.get("AssembleWith") or "None")
        s3.put_object(Bucket=target, Key=name, Body=body, **encryption)

    def _answer(self, variant: Variant, body: bytes, uri: str) -> bytes:
        given, output = self._parameters["TransformInput"], self._parameters["TransformOutput"]
        headers = {
            "Content-Type": given.get("ContentType") or "application/octet-stream",
            "Accept": output.get("Accept") or "*/*",
        }
        client = self._parameters.get("ModelClientConfig") or {}
        seconds, reason = (
            client.get("InvocationsTimeoutInSeconds") or SECONDS,
            "no model server is in service",
        )
        for _ in range(1 + (client.get("InvocationsMaxRetries") or 0)):
            if self._stop.is_set():
                raise StoppedError
            instance = variant.claim()
            if instance is None:
                continue
            try:
                with instance.opened(body, headers, seconds) as opened:
                    answer = opened.whole(LONGEST_ANSWER)
            except (urllib3.exceptions.HTTPError, IncompleteAnswerError, InstanceUnavailableError) as error:
                reason = f"the model server did not answer: {error}"
                continue
            if 200 <= answer.status < 300:
                return answer.body
            text = answer.body[:300].decode(errors="replace")
            reason = f"the model answered with status {answer.status}: {text}"
            if answer.status < 500:
                break  # the same request would fail again
        raise TransformError(f"AlgorithmError: {uri}: {reason}. See job logs for more information.")
