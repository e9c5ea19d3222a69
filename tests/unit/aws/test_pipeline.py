"""Acting as a pipeline: the session's variables while it acts, and the former ones afterwards."""

from __future__ import annotations

import os

import pytest

from kennel.aws import StackError, pipeline
from kennel.aws.infrastructure.stack import Stack

ROLE = {"arn": "arn:aws:iam::123456789012:role/kennel-dev-plan-us-east-1", "subjects": ["first", "second"]}
STACK = Stack(
    {
        "delivery": {
            "audience": "sts.amazonaws.com",
            "issuer": "https://issuer.example.com",
            "roles": {"plan": ROLE},
        }
    }
)
SESSION = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


def test_the_session_is_that_of_the_role_and_ends_with_its_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    before, exchanged = dict(os.environ), []

    def exchange(*arguments: str) -> dict[str, str]:
        exchanged.append(arguments)
        return SESSION

    monkeypatch.setattr(pipeline, "_exchange", exchange)
    seen = {}

    def fail() -> None:
        with pipeline.acting_as(STACK, "plan", lambda *claims: " ".join(claims)):
            seen.update({name: os.environ[name] for name in SESSION})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert seen == SESSION
    assert exchanged == [
        ("https://issuer.example.com sts.amazonaws.com first", ROLE["arn"], "kennel-plan"),
    ]
    assert dict(os.environ) == before


def test_a_stack_without_these_roles_says_how_to_get_them() -> None:
    with (
        pytest.raises(StackError, match=r"set delivery\.repository, see docs/delivery\.md"),
        pipeline.acting_as(Stack({"delivery": None}), "plan", lambda *_: ""),
    ):
        pass
