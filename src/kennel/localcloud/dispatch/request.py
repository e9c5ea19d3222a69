"""One decoded API request: its operation, parameters, caller and origin. Immutable, without running state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud import ACCOUNT_ID, REGION
from kennel.localcloud.policy.principal import Principal


@dataclass(frozen=True)
class ApiRequest:
    """A request to an operation of an AWS service.

    Attributes
    ----------
    service, operation
        botocore's names, e.g. ``sagemaker-runtime`` and ``InvokeEndpoint``.
    principal
        The caller, whose signature it carries.
    parameters
        botocore's member names and values. A streamed upload (S3 PutObject, UploadPart) lacks ``Body``.
    protocol
        ``json``, ``rest-json``, ``rest-xml``, ``query`` or ``ec2``.
    query_compatible
        Whether the service moved from the query protocol to JSON and kept its error codes.
    presigned
        Whether the signature is in the query string.
    """

    service: str
    operation: str
    principal: Principal
    parameters: dict[str, Any] = field(default_factory=dict)
    region: str = REGION
    account: str = ACCOUNT_ID
    protocol: str = "json"
    query_compatible: bool = False
    source_ip: str = "127.0.0.1"
    user_agent: str = ""
    referer: str = ""
    presigned: bool = False

    def arn(self, resource: str, service: str | None = None) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{resource}"
