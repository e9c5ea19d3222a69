"""The playground's task says where the page is, and ends with Ctrl-C as a success."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kennel.__main__ import main
from kennel.commands import acts_on
from kennel.playground import answers, server
from kennel.playground.answers import Answer


@pytest.fixture
def nothing_deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No stack is asked, and Ctrl-C comes as soon as the page is served."""

    def interrupted(serving: server.PlaygroundServer) -> None:
        assert serving.gallery
        raise KeyboardInterrupt

    monkeypatch.setattr(acts_on, "announce", lambda environment: None)
    monkeypatch.setattr(answers, "DeployedClassifier", lambda workspace, via: lambda photo: Answer([]))
    monkeypatch.setattr(server.PlaygroundServer, "serve_forever", interrupted)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("KENNEL_ENV", "local")
    monkeypatch.setenv("KENNEL_WORKSPACE", str(tmp_path))


@pytest.mark.usefixtures("nothing_deployed")
def test_it_prints_the_address_once_and_ends_as_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    main(["kennel", "playground", "--port", "0", "--env", "local", "--via", "endpoint", "--json"])

    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document.keys() == {"url", "environment", "via"}
    assert document["via"] == "endpoint"
    assert document["url"] in printed.err
    assert "stopped" in printed.err
