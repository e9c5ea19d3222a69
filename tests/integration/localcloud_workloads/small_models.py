"""Endpoints of small models for the tests of this folder."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from .conftest import Stage, eventually, tarred

SAGEMAKER = "sagemaker.amazonaws.com"
REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
TOOLKIT_IMAGE = f"{REGISTRY}/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
RAY_IMAGE = f"{REGISTRY}/ray:serve-ml-sagemaker-cpu-v1"

# A model without torch in it: it answers with its own file's content, or fails on request.
INFERENCE = """
import json, os, pathlib, time
from ts.handler_utils.utils import send_intermediate_predict_response
from sagemaker_inference.errors import BaseInferenceToolkitError
def model_fn(model_dir):
    text = pathlib.Path(model_dir, "answer.txt").read_text()
    if text == "broken": raise RuntimeError("these weights are for another network")
    return text
def input_fn(body, content_type):
    if content_type == "image/gif": raise BaseInferenceToolkitError(415, "no gifs", "unsupported")
    return bytes(body) if not isinstance(body, str) else body.encode()
def predict_fn(data, model, context):
    if data.startswith(b"stream "):
        send_intermediate_predict_response(["first "], context.request_ids, "part", 200, context)
        while not (path := pathlib.Path(data[7:].decode())).exists(): time.sleep(0.01)
        if path.read_text() == "die": os._exit(7)
        if path.read_text() == "fail": raise ValueError("no more of it")
        send_intermediate_predict_response([b"second "], context.request_ids, "part", 200, context)
    if data == b"die": os._exit(7)
    if data == b"slow": time.sleep(1)
    if data == b"fail": raise ValueError("what is this?")
    return {"model": model, "bytes": len(data), "pid": os.getpid(), "custom": os.environ.get("CUSTOM")}
def output_fn(prediction, accept):
    return (b"\\xff\\xd8" + bytes(range(256)), accept) if accept == "image/jpeg" else json.dumps(prediction)
"""

# The same for the image with Ray Serve: an ASGI application, which waits, ends or refuses on request.
# The model "failing" answers one in five requests with 500.
ASGI = """
import asyncio, json, os, pathlib
text = pathlib.Path("/opt/ml/model/answer.txt").read_text()  # as it is in the container
if text == "broken": raise RuntimeError("these weights are for another network")
asked = 0
async def application(scope, receive, send):
    if scope["type"] != "http": raise RuntimeError("no lifespan")
    body = (await receive())["body"]
    if body == b"die": os._exit(7)
    if body == b"slow": await asyncio.sleep(1)
    if body.startswith(b"until "):
        while not pathlib.Path(body[6:].decode()).exists(): await asyncio.sleep(0.01)
    global asked
    asked += 1
    failing = text == "failing" and asked % 5 == 0
    status = 500 if failing else 503 if body == b"full" else 200
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    document = {"model": text, "bytes": len(body), "pid": os.getpid()}
    document |= {"path": scope["path"], "headers": headers}
    names = [(b"content-type", b"application/json"), (b"x-amzn-sagemaker-custom-attributes", b"release=r")]
    await send({"type": "http.response.start", "status": status, "headers": names})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})
"""
CONFIG = "applications: [{name: a, route_prefix: /, import_path: 'ray_application:application'}]"


def small_archive(answer: str) -> dict[str, str]:
    """Return the files of an archive that any of the images serves."""
    ray = "from asgi import application"  # under @serve.ingress in a real one
    code = {"inference.py": INFERENCE, "asgi.py": ASGI, "ray_application.py": ray}
    files = {f"code/{name}": content for name, content in code.items()}
    return {"answer.txt": answer, "config.yaml": CONFIG, **files}


class Endpoints:
    """Deploys small models and asks them."""

    def __init__(self, stage: Stage, region: str = "us-east-1") -> None:
        self.stage, self.sagemaker = stage, stage.client("sagemaker", region=region)
        self.runtime = stage.client("sagemaker-runtime", region=region, read_timeout=70)
        self.s3, self.bucket = stage.client("s3"), stage.bucket()
        self.role = stage.role(SAGEMAKER)

    def config(
        self,
        *answers: str,
        count: int = 1,
        role: str | None = None,
        instance_type: str = "ml.m5.large",
        leave_out: str | None = None,
        variant: dict[str, Any] | None = None,
        members: dict[str, Any] | None = None,
        **container: Any,
    ) -> str:
        """Make an endpoint configuration with a variant for each answer, and further members.

        Its servers are those of the Ray Serve image, which start four times as fast, unless it names another.
        """
        variants = []
        for index, answer in enumerate(answers):
            name = f"m-{uuid.uuid4().hex[:8]}"
            files = small_archive(answer)
            files.pop(leave_out or "", None)
            self.s3.put_object(Bucket=self.bucket, Key=f"models/{name}.tar.gz", Body=tarred(files))
            data = f"s3://{self.bucket}/models/{name}.tar.gz"
            self.sagemaker.create_model(
                ModelName=name,
                ExecutionRoleArn=role or self.role,
                PrimaryContainer={"Image": RAY_IMAGE, "ModelDataUrl": data, **container},
            )
            variants.append(
                {
                    "VariantName": f"v{index + 1}",
                    "ModelName": name,
                    "InstanceType": instance_type,
                    "InitialInstanceCount": count,
                    "InitialVariantWeight": 1.0 if index == 0 else 3.0,
                    **(variant or {}),
                }
            )
            if "ServerlessConfig" in variants[-1]:
                del variants[-1]["InstanceType"], variants[-1]["InitialInstanceCount"]
        name = f"c-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=variants, **(members or {})
        )
        return name

    def create(self, config: str, name: str = "") -> str:
        name = name or f"e-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return name

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
        return answer

    def settled(self, name: str) -> dict[str, Any]:
        def settled() -> dict[str, Any] | None:
            endpoint = self.describe(name)
            return endpoint if endpoint["EndpointStatus"] in ("InService", "Failed") else None

        endpoint: dict[str, Any] = eventually(settled, 120)
        return endpoint

    def serving(self, *answers: str, **more: Any) -> str:
        name = self.create(self.config(*answers, **more))
        endpoint = self.settled(name)
        assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
        return name

    def ask(self, name: str, body: bytes = b"x", **more: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)
        document: dict[str, Any] = json.loads(answer["Body"].read())
        return document

    def error(self, name: str, body: bytes = b"x", **more: Any) -> dict[str, Any]:
        with pytest.raises(self.runtime.exceptions.ClientError) as caught:
            self.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)
        answer: dict[str, Any] = caught.value.response
        return answer

    def answering(self, name: str) -> dict[str, Any]:
        """Return the first answer of an endpoint whose server starts again."""

        def answer() -> dict[str, Any] | None:
            try:
                return self.ask(name)
            except self.runtime.exceptions.ClientError:
                return None

        document: dict[str, Any] = eventually(answer, 60)
        return document

    def log(self, name: str) -> str:
        return "\n".join(self.stage.log_lines(f"/aws/sagemaker/Endpoints/{name}"))

    def delete(self, name: str) -> None:
        self.sagemaker.delete_endpoint(EndpointName=name)
