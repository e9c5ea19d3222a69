"""Machine images as Amazon publishes them: an image of EC2, and a public parameter of Systems Manager."""

from __future__ import annotations

import datetime
from typing import Any

AMAZON_ACCOUNT = "898082745236"  # the owner of the Deep Learning AMIs


def publish_image(
    account: str, region: str, image_id: str, name: str, parameter_name: str, created: datetime.datetime
) -> None:
    """Add an image and the parameter that names it; moto's own images are of 2017.

    Parameters
    ----------
    account, region
        Where it can be used.
    image_id, name
        The image's.
    parameter_name
        The parameter whose value is the image's id; an existing one is kept.
    created
        When Amazon published it.
    """
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.amis import Ami
    from moto.ssm.models import Parameter, ssm_backends

    backend = ec2_backends[account][region]
    backend.amis[image_id] = Ami(
        backend,
        image_id,
        name=name,
        description=name,
        owner_id=AMAZON_ACCOUNT,
        owner_alias="amazon",
        public=True,
        architecture="x86_64",
        virtualization_type="hvm",
        hypervisor="xen",
        root_device_type="ebs",
        root_device_name="/dev/sda1",
        creation_date=created,
    )
    versions = ssm_backends[account][region]._parameters[parameter_name]
    if versions:
        return
    parameter: Any = Parameter  # abstract to a type checker only: CloudFormation's methods are missing
    versions.append(
        parameter(
            account_id=account,
            name=parameter_name,
            value=image_id,
            parameter_type="String",
            description=None,
            allowed_pattern=None,
            keyid=None,
            last_modified_date=created,
            version=1,
            data_type="aws:ec2:image",
        )
    )
