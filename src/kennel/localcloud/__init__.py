"""A local AWS: moto's control plane behind a gateway that enforces IAM, over workloads that really run."""

from __future__ import annotations

from kennel.errors import KennelError

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
OPERATOR_ACCESS_KEY = "AKIAKENNELOPERATOR00"
ADMINISTRATION = "kennel"  # the service that requests to administrative paths are signed for
DEFAULT_PORT = 4510
AUDIT_LOG = "audit-log.jsonl"  # in the service's folder


class LocalCloudError(KennelError):
    """The local cloud could not do what was asked."""
