"""Finds what Terraform would create but exists already: by its name or tags, and only if it is the stack's.

Each finder receives the values that a plan would create a resource with, and returns the id by which
Terraform imports it. A resource is the stack's if it carries the stack's default tags, or if it is part of
one that does, or of one in the state. Kinds without a finder are those whose creation changes what is there.
"""

from __future__ import annotations

from kennel.aws.infrastructure.existing import ec2, named
from kennel.aws.infrastructure.existing.ownership import Finder, Values

FINDERS: dict[str, Finder] = {**ec2.FINDERS, **named.FINDERS}

# In the codes of errors about something that does not exist, where the HTTP status is not 404.
_MISSING = (
    "NoSuchEntity",
    "NotFound",
    "DoesNotExist",
    "NonExistentQueue",
    "ParameterNotFound",
    "InvalidResourceId",
)
# SageMaker has no code for it: what its messages say, as Terraform's provider reads them.
_MISSING_IN_SAGEMAKER = ("Could not find", "RecordNotFound", "Unable to describe", "does not exist")


def find(kind: str, values: Values) -> str | None:
    """Return the import id of a resource of this stack that exists already; None if there is none.

    Parameters
    ----------
    kind
        Terraform's type: ``aws_vpc``.
    """
    from botocore.exceptions import ClientError

    finder = FINDERS.get(kind)
    if finder is None:
        return None
    try:
        return finder(values)
    except KeyError:
        return None  # a value that names it is not known before another resource exists
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404 or any(text in code for text in _MISSING):
            return None
        if code == "ValidationException" and any(text in str(error) for text in _MISSING_IN_SAGEMAKER):
            return None
        raise
