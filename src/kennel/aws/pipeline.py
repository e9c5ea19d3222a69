"""The identity of a pipeline: a session of a role, for which a job's token is exchanged; no keys are kept.

On GitHub, the action aws-actions/configure-aws-credentials makes the same exchange and sets the same
variables: a job's token is valid for minutes, a session for hours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kennel.aws import StackError, session
from kennel.aws.infrastructure.stack import Stack

Sign = Callable[[str, str, str], str]
"""Returns a token of an issuer, for an audience, with a subject."""


@contextmanager
def acting_as(stack: Stack, role: str, sign: Sign) -> Iterator[None]:
    """Act in one of the roles of Terraform's module `delivery`, in this process and what it starts.

    Parameters
    ----------
    role
        ``plan`` or ``deploy``.
    sign
        Gives the token, as GitHub gives it to a job.

    Raises
    ------
    StackError
        The stack has no roles for a pipeline.
    """
    delivery = stack["delivery"]
    if delivery is None:
        raise StackError(
            "this stack has no roles for a pipeline: set delivery.repository, see docs/delivery.md"
        )
    chosen = delivery["roles"][role]
    token = sign(delivery["issuer"], delivery["audience"], chosen["subjects"][0])
    variables = _exchange(token, chosen["arn"], f"kennel-{role}")
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _exchange(token: str, role_arn: str, name: str) -> dict[str, str]:
    """Return the variables with the keys of a new session of a role."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    sts = boto3.client("sts", region_name=session.region(), config=Config(signature_version=UNSIGNED))
    keys = sts.assume_role_with_web_identity(RoleArn=role_arn, RoleSessionName=name, WebIdentityToken=token)[
        "Credentials"
    ]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
