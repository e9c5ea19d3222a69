"""IAM: tags of MFA devices, SAML providers and instance profiles, and clients of OpenID Connect providers.

moto keeps neither the tags of the first two nor shows those of the third, and changes no provider's clients.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.tag_store import forget_tags, from_pairs, tags_of, to_pairs

MOST_CLIENTS = 100  # of an OpenID Connect provider


def _mfa_device(call: Call) -> str:
    serial: str = call.parameters["SerialNumber"]
    if serial not in call.backend().virtual_mfa_devices:
        raise AwsError("NoSuchEntity", f"MFADevice with serial number {serial} does not exist.", 404)
    return serial


def _saml_provider(call: Call) -> str:
    provider = call.backend().get_saml_provider(call.parameters["SAMLProviderArn"])  # or moto's error
    arn: str = provider.arn
    return arn


def _tag(kind: str, call: Call) -> dict[str, Any]:
    tags_of(call, RESOURCES[kind](call)).update(from_pairs(call.parameters["Tags"]))
    return {}


def _untag(kind: str, call: Call) -> dict[str, Any]:
    tags = tags_of(call, RESOURCES[kind](call))
    for name in call.parameters["TagKeys"]:
        tags.pop(name, None)
    return {}


def _list(kind: str, call: Call) -> dict[str, Any]:
    return {"Tags": to_pairs(tags_of(call, RESOURCES[kind](call))), "IsTruncated": False}


RESOURCES = {"MFADevice": _mfa_device, "SAMLProvider": _saml_provider}
for each in RESOURCES:
    operation("iam", f"Tag{each}")(partial(_tag, each))
    operation("iam", f"Untag{each}")(partial(_untag, each))
    operation("iam", f"List{each}Tags")(partial(_list, each))


@operation("iam", "CreateVirtualMFADevice")
def create_virtual_mfa_device(call: Call) -> Response:
    """Make a device, with its tags."""
    before = set(call.backend().virtual_mfa_devices)
    response = call.ask_moto()
    for serial in set(call.backend().virtual_mfa_devices) - before:
        tags_of(call, serial).update(from_pairs(call.parameters.get("Tags")))
    return response


@operation("iam", "DeleteVirtualMFADevice", "DeleteSAMLProvider")
def delete_tagged(call: Call) -> Response:
    """Delete a device or a provider, and its tags."""
    response = call.ask_moto()
    if response.ok:
        forget_tags(call, call.parameters.get("SerialNumber") or call.parameters["SAMLProviderArn"])
    return response


@operation("iam", "CreateSAMLProvider")
def create_saml_provider(call: Call) -> dict[str, Any] | Response:
    """Make a provider, with its tags."""
    response = call.ask_moto()
    if not response.ok:
        return response
    providers = call.backend().list_saml_providers()
    arn = next(provider.arn for provider in providers if provider.name == call.parameters["Name"])
    tags_of(call, arn).update(from_pairs(call.parameters.get("Tags")))
    return {"SAMLProviderArn": arn, "Tags": to_pairs(tags_of(call, arn))}


@operation("iam", "GetSAMLProvider")
def get_saml_provider(call: Call) -> dict[str, Any]:
    """Return a provider, with its tags."""
    provider = call.backend().get_saml_provider(call.parameters["SAMLProviderArn"])
    return {
        "SAMLMetadataDocument": provider.saml_metadata_document,
        "CreateDate": provider.create_date,
        "ValidUntil": provider.valid_until,
        "Tags": to_pairs(tags_of(call, provider.arn)),
    }


@operation("iam", "ListInstanceProfileTags")
def list_instance_profile_tags(call: Call) -> dict[str, Any]:
    """Return the tags of an instance profile."""
    profile = call.backend().get_instance_profile(call.parameters["InstanceProfileName"])
    return {"Tags": profile.tags, "IsTruncated": False}


@operation("iam", "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider")
def change_clients(call: Call) -> dict[str, Any]:
    """Let a provider's tokens be for one audience more or less; both may be repeated."""
    arn, client = call.parameters["OpenIDConnectProviderArn"], call.parameters["ClientID"]
    provider = call.backend().get_open_id_connect_provider(arn)
    others = [name for name in provider.client_id_list if name != client]
    if call.operation.startswith("Add"):
        if len(others) >= MOST_CLIENTS:
            raise AwsError(
                "LimitExceeded", f"Cannot exceed quota for ClientIdsPerProvider: {MOST_CLIENTS}", 409
            )
        others.append(client)
    provider.client_id_list = others
    return {}
