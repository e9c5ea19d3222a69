"""What a task acts on: printed before it acts, and refused if the shell's variables point elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from kennel.aws import session
from kennel.commands import acts_on
from kennel.errors import UsageError
from kennel.localcloud import connection

LOCAL = "http://127.0.0.1:4510"


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    session.forget()
    yield
    session.forget()


@mock_aws
def test_account_region_endpoint_and_environment_are_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    acts_on.announce("dev")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "acts on account 123456789012, eu-central-1, AWS (https://sts.eu-central-1.amazonaws.com), "
        "environment dev\n"
    )


@mock_aws
def test_aws_is_asked_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    first = session.caller()
    monkeypatch.setattr(session.client("sts"), "get_caller_identity", None)

    assert session.caller() == first
    assert session.account_id() == "123456789012"


def test_an_aws_environment_is_refused_with_the_local_clouds_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in connection.operator_environment(LOCAL, "secret").items():
        monkeypatch.setenv(name, value)

    with pytest.raises(
        UsageError, match=r"--env dev is AWS, but AWS_ENDPOINT_URL is http.*unset AWS_ENDPOINT_URL"
    ) as e:
        acts_on.announce("dev")
    assert e.value.exit_code == 2

    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(
        UsageError, match=r"AWS_ACCESS_KEY_ID is the local cloud's.*unset .*AWS_SECRET_ACCESS_KEY"
    ):
        acts_on.announce("prod")


def test_local_is_refused_with_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for endpoint in ("http://127.0.0.1:9", "https://sagemaker.eu-central-1.amazonaws.com"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(UsageError, match="where no local cloud answers: run unset AWS_ENDPOINT_URL"):
            acts_on.announce("local")


def test_an_endpoint_of_the_configuration_is_not_aws(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / "config").write_text("[default]\nendpoint_url = http://127.0.0.1:9\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    caller = session.Caller("1", "eu-central-1", session.client("sts").meta.endpoint_url)
    monkeypatch.setattr(session, "caller", lambda: caller)

    with pytest.raises(UsageError, match=r"names the endpoint http://127\.0\.0\.1:9: remove endpoint_url"):
        acts_on.announce("dev")
