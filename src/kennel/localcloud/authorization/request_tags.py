"""The tags in a call's parameters, and the condition keys that they give."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.request import ApiRequest

PARAMETERS = ("Tags", "tags", "TagsList", "ResourceTags")


def request_tags(request: ApiRequest) -> dict[str, str | list[str]]:
    """Return ``aws:RequestTag/…`` and ``aws:TagKeys`` of the tags in a call's parameters."""
    tags: dict[str, str] = {}
    for parameter in PARAMETERS:
        tags |= _pairs(request.parameters.get(parameter))
    for specification in specifications(request):
        tags |= _pairs(specification.get("Tags"))
    keys = list(tags) or [str(key) for key in _removed(request)]
    values: dict[str, str | list[str]] = {
        f"aws:requesttag/{name.lower()}": value for name, value in tags.items()
    }
    return {**values, "aws:tagkeys": keys} if keys else values


def _removed(request: ApiRequest) -> list[Any]:
    """Return the keys of the tags that a call removes."""
    removes = request.operation.startswith(("Untag", "Delete", "Remove"))
    names = ("TagKeys", "tagKeys", "TagKeyList") if removes else ()
    return next((request.parameters[name] for name in names if request.parameters.get(name)), [])


def _pairs(tags: Any) -> dict[str, str]:
    """Return tags as a dict; they come as a map, or as pairs whose names differ in their case."""
    if isinstance(tags, dict):
        return {str(name): str(value) for name, value in tags.items()}
    pairs = [tag for tag in tags or [] if isinstance(tag, dict)]
    return {str(_of(tag, "Key")): str(_of(tag, "Value") or "") for tag in pairs}


def _of(tag: dict[str, Any], name: str) -> Any:
    """Return the key or value of a tag, whose member is also named in lower case, or as KMS does."""
    return next((tag[key] for key in (name, name.lower(), f"Tag{name}") if key in tag), None)


def specifications(request: ApiRequest) -> list[dict[str, Any]]:
    """Return EC2's tags of what a call creates, each of a type of resource."""
    specifications = request.parameters.get("TagSpecifications") if request.service == "ec2" else None
    return [item for item in specifications or [] if isinstance(item, dict) and item.get("Tags")]
