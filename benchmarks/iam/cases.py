"""Generated policies and requests, of all that a policy can say; the same seed gives the same cases."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.policy.grammar import InvalidPolicyError, PolicyKind, check_document

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"
USER = f"arn:aws:iam::{ACCOUNT}:user/ada"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
STREAM = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/jobs:log-stream:first"
# Actions, their resources, and whether the resource's own policy must allow.
REQUESTS = (
    ("s3:GetObject", "arn:aws:s3:::photos/dogs/ada/1.jpg", False),
    ("s3:ListBucket", "arn:aws:s3:::photos", False),
    ("sqs:SendMessage", QUEUE, False),
    ("logs:PutLogEvents", STREAM, False),
    ("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:predict:live", False),
    ("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dogs", False),
    ("sagemaker:ListEndpoints", "*", False),
    ("kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd", True),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/other", True),
)
BINARY = base64.b64encode(b"dog").decode()
# Condition keys: their type, and the values that a request may have.
KEYS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "aws:RequestedRegion": ("String", ("us-east-1", "eu-west-1")),
    "aws:PrincipalTag/team": ("String", ("vision", "Vision", "ops", "*")),
    "s3:prefix": ("String", ("", "dogs/", "dogs/ada/")),
    "aws:SecureTransport": ("Bool", ("true", "false")),
    "aws:SourceIp": ("IpAddress", ("203.0.113.7", "10.1.2.3", "2001:db8::7")),
    "aws:CurrentTime": ("Date", ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00")),
    "s3:max-keys": ("Numeric", ("10", "7.5", "-1")),
    "aws:SourceArn": ("Arn", (QUEUE, STREAM, "arn:aws:s3:::photos")),
    "aws:PrincipalArn": ("Arn", (ROLE, USER)),
    "aws:TagKeys": ("String", (["team"], ["team", "cost"], ["Team", "stage"])),
    "test:digest": ("Binary", (BINARY,)),
}
VALUES: dict[str, tuple[Any, ...]] = {
    "String": (
        "us-east-1",
        "us-*",
        "vision",
        "vis?on",
        "team",
        "co*",
        "dogs/${aws:username}/",
        "${aws:PrincipalTag/team}",
        "${aws:PrincipalTag/team, 'ops'}",
        "${*}",
        "",
    ),
    "Bool": ("true", "false", True, "True"),
    "IpAddress": ("203.0.113.0/24", "203.0.113.7", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"),
    "Date": (
        "2026-03",
        "2026-03-01",
        "2026-03-01T12:00Z",
        "2026-03-01T12:00:00.000Z",
        "1772366400",
        "2027-01-01",
    ),
    "Numeric": ("10", 10, "7.5", "-1", "11", 7),
    "Arn": (
        QUEUE,
        f"arn:aws:sqs:*:{ACCOUNT}:*",
        "arn:aws:iam::*:role/w*",
        "arn:*:s3:::photos",
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:*",
        "arn:aws:iam::${aws:PrincipalTag/team}:role/worker",
        "*:jobs",
    ),
    "Binary": (BINARY, base64.b64encode(b"cat").decode()),
}
OPERATORS = {
    "String": (
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ),
    "Bool": ("Bool",),
    "IpAddress": ("IpAddress", "NotIpAddress"),
    "Date": tuple(
        f"Date{order}"
        for order in (
            "Equals",
            "NotEquals",
            "LessThan",
            "LessThanEquals",
            "GreaterThan",
            "GreaterThanEquals",
        )
    ),
    "Numeric": tuple(
        f"Numeric{order}"
        for order in (
            "Equals",
            "NotEquals",
            "LessThan",
            "LessThanEquals",
            "GreaterThan",
            "GreaterThanEquals",
        )
    ),
    "Arn": ("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    "Binary": ("BinaryEquals",),
}
PRINCIPALS = (ROLE, SESSION, USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "*", f"{ROLE}-2", "210987654321")


@dataclass(frozen=True)
class Case:
    """A request, and the policies that decide it; the documents are parsed JSON, None where there is none.

    Attributes
    ----------
    organization
        Service control policies, by level.
    required
        Whether the resource's own policy must allow.
    """

    principal: str
    action: str
    resource: str
    required: bool
    context: dict[str, Any]
    identity: list[dict[str, Any]]
    boundary: dict[str, Any] | None
    session: dict[str, Any] | None
    resource_policy: dict[str, Any] | None
    organization: list[list[dict[str, Any]]]

    def document(self) -> str:
        """Return the case as one line of JSON, for `simulate.mjs`."""
        everything = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = {
            "principal": self.principal,
            "account": ACCOUNT,
            "action": self.action,
            "resource": self.resource,
            "context": self.context,
            "identity": self.identity,
            "boundary": self.boundary,
            "session": self.session,
            "resourcePolicy": self.resource_policy,
            "organization": self.organization or [[{"Version": "2012-10-17", "Statement": [allow]}]],
            "everything": {"Version": "2012-10-17", "Statement": [everything]},
        }
        return json.dumps(document)


class Generator:
    """Draws cases.

    Parameters
    ----------
    seed
        The same seed gives the same cases.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - cases, no secrets

    def case(self) -> Case:
        """Return the next case; AWS would accept each of its policies."""
        draw = self._random
        action, resource, required = draw.choice(REQUESTS)
        principal = draw.choice((SESSION, SESSION, USER))
        context = {name: draw.choice(values) for name, (_, values) in KEYS.items() if draw.random() < 0.8}
        context["aws:PrincipalArn"] = USER if principal == USER else ROLE
        if principal == USER:
            context["aws:username"] = "ada"
        trust = action == "sts:AssumeRole"

        def maybe(share: float, kind: PolicyKind = "identity") -> dict[str, Any] | None:
            return self._policy(action, resource, kind) if draw.random() < share else None

        return Case(
            principal,
            action,
            resource,
            required,
            context,
            [self._policy(action, resource, "identity") for _ in range(draw.choice((0, 1, 1, 2)))],
            maybe(0.3),
            maybe(0.25, "session") if principal == SESSION else None,
            maybe(1.0 if required else 0.45, "trust" if trust else "resource") if resource != "*" else None,
            [[self._policy(action, resource, "identity")]] if draw.random() < 0.1 else [],
        )

    def _policy(self, action: str, resource: str, kind: PolicyKind) -> dict[str, Any]:
        while True:
            statements = [
                self._statement(action, resource, kind) for _ in range(self._random.choice((1, 1, 2, 3)))
            ]
            version = "2008-10-17" if self._random.random() < 0.04 else "2012-10-17"
            document = {"Version": version, "Statement": statements}
            try:
                check_document(json.dumps(document), kind)
            except InvalidPolicyError:
                continue
            return document

    def _statement(self, action: str, resource: str, kind: PolicyKind) -> dict[str, Any]:
        draw = self._random
        statement: dict[str, Any] = {"Effect": "Allow" if draw.random() < 0.75 else "Deny"}
        statement["NotAction" if draw.random() < 0.07 else "Action"] = self._listed(
            lambda: self._action(action)
        )
        if kind != "trust":
            statement["NotResource" if draw.random() < 0.1 else "Resource"] = self._listed(
                lambda: self._resource(resource)
            )
        if kind in ("trust", "resource"):
            statement |= self._principal(kind, statement["Effect"])
        if draw.random() < 0.4:
            statement["Condition"] = self._condition()
        return statement

    def _listed(self, draw: Any) -> Any:
        number = self._random.choice((1, 1, 1, 2, 3))
        return draw() if number == 1 else [draw() for _ in range(number)]

    def _action(self, action: str) -> str:
        service, name = action.split(":")
        return self._random.choice(
            (
                action,
                action,
                "*",
                f"{service}:*",
                f"{service}:{name[:3]}*",
                f"{service}:*{name[-4:]}",
                f"{service}:{name[:-1]}?",
                action.upper(),
                f"{service}:Other",
                "ec2:*",
            )
        )

    def _resource(self, resource: str) -> str:
        draw = self._random
        if resource == "*" or draw.random() < 0.25:
            return draw.choice(("*", "*", resource))
        segments = resource.split(":", 5)
        for place in draw.sample((1, 3, 4, 5), draw.choice((0, 1, 1, 2, 3))):
            segments[place] = self._segment(segments[place], place)
        if draw.random() < 0.06:
            segments = segments[: draw.randint(3, 5)]
        elif draw.random() < 0.05 and resource == STREAM:  # a * beyond its segment
            segments = ["arn", "aws", "logs", "us-east-1", draw.choice(("*", "1*")), "log-stream:first"]
        return ":".join(segments)

    def _segment(self, text: str, place: int) -> str:
        draw = self._random
        choices = ["*", f"{text[:2]}*", f"*{text[-2:]}", f"{text[:-1]}?", "wrong", text.upper()]
        if place == 5:
            choices += [f"{text[:3]}*{text[-2:]}", f"{text}*", "${aws:PrincipalTag/team}", f"{text}x"]
            choices += [text.replace("ada", "${aws:username}"), text.replace("ada", "${aws:username, 'ada'}")]
        return draw.choice(choices)

    def _principal(self, kind: str, effect: str) -> dict[str, Any]:
        draw = self._random
        if draw.random() < 0.15:
            principal: Any = "*"
        elif draw.random() < 0.1:
            principal = {"Service": "lambda.amazonaws.com", "AWS": draw.choice(PRINCIPALS)}
        else:
            principal = {"AWS": self._listed(lambda: draw.choice(PRINCIPALS))}
        negated = kind == "resource" and effect == "Deny" and principal != "*" and draw.random() < 0.2
        return {"NotPrincipal" if negated else "Principal": principal}

    def _condition(self) -> dict[str, Any]:
        draw = self._random
        condition: dict[str, Any] = {}
        for _ in range(draw.choice((1, 1, 2))):
            name = draw.choice(tuple(KEYS))
            kind, values = KEYS[name]
            if draw.random() < 0.1:
                condition.setdefault("Null", {})[name] = draw.choice(("true", "false"))
                continue
            operator = draw.choice(OPERATORS[kind])
            if isinstance(values[0], list) or draw.random() < 0.05:
                operator = f"{draw.choice(('ForAllValues', 'ForAnyValue'))}:{operator}"
            if draw.random() < 0.15:
                operator += "IfExists"
            condition.setdefault(operator, {})[name] = self._listed(
                lambda kind=kind: draw.choice(VALUES[kind])
            )
        return condition
