"""A local cloud in this process, whose clock is driven."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.localcloud import connection, service_record
from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.server import main as server_main

TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
WATCH = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}


@dataclass(frozen=True)
class Service:
    """The cloud, clients of its operator, and the role with which SageMaker reads alarms."""

    cloud: Cloud
    role: str

    def client(self, name: str) -> Any:
        """Return a client of the operator."""
        import boto3

        return boto3.client(name)


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Serve the local cloud on a thread for the block; its clock stands still until somebody advances it."""
    listener = service_record.listen(0)
    port = listener.getsockname()[1]
    cloud = Cloud(folder, port, Clock(0))
    served, _ = server_main.application(cloud)
    from kennel.localcloud.server.http_server import Server  # moto, which reads the cloud's settings

    server = Server(listener, served)
    before = dict(os.environ)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        os.environ.update(connection.operator_environment(cloud.endpoint_url, cloud.operator_secret))
        service = Service(cloud, "")
        yield Service(cloud, _role(service.client("iam")))
    finally:
        server.shutdown()
        thread.join()
        cloud.shutdown()
        os.environ.clear()
        os.environ.update(before)


def _role(iam: Any) -> str:
    document = {"Version": "2012-10-17", "Statement": [TRUST]}
    role = iam.create_role(RoleName="endpoint", AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    policy = json.dumps({**document, "Statement": [WATCH]})
    iam.put_role_policy(RoleName="endpoint", PolicyName="watch", PolicyDocument=policy)
    return str(role)
