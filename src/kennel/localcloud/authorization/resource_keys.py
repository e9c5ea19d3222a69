"""Condition keys that belong to one of the resources of a call: its tags, and what EC2 makes of parameters.

Source: AWS Service Authorization Reference; IAM user guide, "AWS global condition context keys".
"""

from __future__ import annotations

from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.authorization.parameter_values import text_of, values_at
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import network, resource_tags

# Services that have a key of their own beside aws:ResourceTag.
OWN_TAG_KEYS = {
    "ec2": "ec2:resourcetag",
    "iam": "iam:resourcetag",
    "sagemaker": "sagemaker:resourcetag",
    "secretsmanager": "secretsmanager:resourcetag",
    "ssm": "ssm:resourcetag",
    "ecr": "ecr:resourcetag",
}
# EC2's keys of one kind of resource: the parameter of RunInstances, or of CreateVolume, that they hold.
EC2_KEYS: dict[str, dict[str, str]] = {
    "instance": {
        "ec2:instancetype": "InstanceType",
        "ec2:ebsoptimized": "EbsOptimized",
        "ec2:tenancy": "Placement.Tenancy",
        "ec2:placementgroup": "Placement.GroupName",
        "ec2:metadatahttptokens": "MetadataOptions.HttpTokens",
        "ec2:metadatahttpendpoint": "MetadataOptions.HttpEndpoint",
        "ec2:metadatahttpputresponsehoplimit": "MetadataOptions.HttpPutResponseHopLimit",
    },
    "volume": {
        "ec2:encrypted": "Encrypted",
        "ec2:volumesize": "Size",
        "ec2:volumetype": "VolumeType",
        "ec2:volumeiops": "Iops",
        "ec2:parentsnapshot": "SnapshotId",
    },
    "image": {"ec2:imageid": "ImageId"},
    "key-pair": {"ec2:keypairname": "KeyName"},
}
EC2_CREATES = ("RunInstances", "CreateVolume", "ImportKeyPair", "CreateKeyPair")


def resource_keys(request: ApiRequest, resource: str) -> ConditionKeys:
    """Return the condition keys of a call that one of its resources gives.

    Parameters
    ----------
    resource
        An ARN, or ``*``.
    """
    service = resource.split(":")[2] if resource.startswith("arn:") else ""
    context: ConditionKeys = {}
    for name, value in resource_tags.tags_of(resource).items() if service else ():
        context[f"aws:resourcetag/{name.lower()}"] = value
        if service in OWN_TAG_KEYS:
            context[f"{OWN_TAG_KEYS[service]}/{name.lower()}"] = value
    if service == "ec2":
        context.update(_ec2(request, resource.split(":", 5)[5]))
    return context


def _ec2(request: ApiRequest, resource: str) -> ConditionKeys:
    kind, _, identifier = resource.partition("/")
    context: ConditionKeys = {}
    if request.operation in EC2_CREATES:
        for key, place in EC2_KEYS.get(kind, {}).items():
            for value in values_at(request.parameters, place.split(".")):
                context[key] = text_of(value)
        profile = request.parameters.get("IamInstanceProfile")
        if kind == "instance" and profile:
            arn = (
                profile.get("Arn") or f"arn:aws:iam::{request.account}:instance-profile/{profile.get('Name')}"
            )
            context["ec2:instanceprofile"] = arn
    vpc = network.vpc_of(request.region, identifier) if kind in ("subnet", "security-group") else None
    if vpc:
        context["ec2:vpc"] = request.arn(f"vpc/{vpc}", "ec2")
    return context


def object_tags(bucket: str, key: str, version: str | None) -> ConditionKeys:
    """Return the keys of the tags that an object has."""
    tags = resource_tags.tags_of_object(bucket, key, version)
    return {f"s3:existingobjecttag/{name.lower()}": value for name, value in tags.items()}
