"""What ACLs grant, and what definitions of pipelines and state machines start. Independent of checkov."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from statements import texts

ACL_ATTRIBUTES = ("acl", "access_control_policy", "grant")
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
# AuthenticatedUsers are those of every AWS account.
PUBLIC_GROUPS = ("/global/AllUsers", "/global/AuthenticatedUsers")
# The attribute with the definition, by resource type.
DEFINITIONS = {"aws_sagemaker_pipeline": "pipeline_definition", "aws_sfn_state_machine": "definition"}


def public_acl(conf: dict[str, Any]) -> bool:
    """Return whether an ACL grants something to everyone, canned or by grants."""
    return any(
        text in PUBLIC_ACLS or text.endswith(PUBLIC_GROUPS)
        for name in ACL_ATTRIBUTES
        for text in texts(conf.get(name))
    )


def training_jobs(definition: Any) -> Iterator[dict[str, Any]]:
    """Yield the requests of CreateTrainingJob within a definition, wherever they are."""
    if isinstance(definition, dict):
        if "AlgorithmSpecification" in definition:  # which every request of a training has
            yield definition
        for inner in definition.values():
            yield from training_jobs(inner)
    elif isinstance(definition, list):
        for inner in definition:
            yield from training_jobs(inner)


def open_jobs(definition: Any) -> list[str]:
    """Return what the jobs of a definition lack: a network of their own, or keys."""
    lacks = []
    for job in training_jobs(definition):
        if job.get("EnableNetworkIsolation") is not True and not job.get("VpcConfig"):
            lacks.append("EnableNetworkIsolation or VpcConfig")
        if not (job.get("ResourceConfig") or {}).get("VolumeKmsKeyId"):
            lacks.append("ResourceConfig.VolumeKmsKeyId")
        if not (job.get("OutputDataConfig") or {}).get("KmsKeyId"):
            lacks.append("OutputDataConfig.KmsKeyId")
    return lacks
