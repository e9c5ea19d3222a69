"""pip's configuration in uv's variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bootstrap.indexes import parse_configuration, translate


def test_a_company_s_configuration_of_pip_reaches_uv(checkout: Any, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    configuration = (
        "global.index-url='https://index.example/simple'\n"
        "global.extra-index-url='https://one.example/simple\\nhttps://two.example/simple'\n"
        f"global.find-links='{tmp_path}/wheels'\n"
        "global.cert='/etc/company.pem'\n"
        "global.constraint='/etc/constraints.txt'\n"
    )
    done = checkout.start("data.check", FAKE_PIP_CONFIG=configuration)
    assert done.returncode == 0, done.stderr
    environ = checkout.uv_environ
    assert environ["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert environ["UV_INDEX"] == "https://one.example/simple https://two.example/simple"
    assert environ["UV_FIND_LINKS"] == f"{tmp_path}/wheels"
    assert environ["SSL_CERT_FILE"] == "/etc/company.pem"
    assert environ["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_pip_s_variables_come_before_its_files(checkout: Any) -> None:
    checkout.start(
        "data.check",
        FAKE_PIP_CONFIG="global.index-url='https://file.example/simple'\n",
        PIP_INDEX_URL="https://variable.example/simple",
    )
    assert checkout.uv_environ["UV_DEFAULT_INDEX"] == "https://variable.example/simple"


def test_pip_s_variables_count_without_pip(checkout: Any) -> None:
    checkout.start("data.check", FAKE_NO_PIP="1", PIP_INDEX_URL="https://variable.example/simple")
    assert checkout.uv_environ["UV_DEFAULT_INDEX"] == "https://variable.example/simple"


def test_what_is_set_for_uv_stays(checkout: Any) -> None:
    checkout.start(
        "data.check",
        FAKE_PIP_CONFIG="global.extra-index-url='https://pip.example/simple'\nglobal.cert='/pip.pem'\n",
        UV_DEFAULT_INDEX="https://uv.example/simple",
        UV_INDEX_STRATEGY="first-index",
        SSL_CERT_FILE="/uv.pem",
    )
    environ = checkout.uv_environ
    assert environ["UV_DEFAULT_INDEX"] == "https://uv.example/simple"
    assert "UV_INDEX" not in environ
    assert environ["UV_INDEX_STRATEGY"] == "first-index"
    assert environ["SSL_CERT_FILE"] == "/uv.pem"


def test_variables_that_would_install_elsewhere_do_not_reach_uv(checkout: Any) -> None:
    checkout.start("data.check", VIRTUAL_ENV="/other", UV_PYTHON="3.8", UV_TORCH_BACKEND="cpu")
    assert not {"VIRTUAL_ENV", "UV_PYTHON", "UV_TORCH_BACKEND"} & checkout.uv_environ.keys()


def test_the_section_of_install_comes_before_the_global_one() -> None:
    listed = "install.index-url='https://a.example'\nglobal.index-url='https://b.example'\n:env:.cert='/c'\n"
    assert parse_configuration(listed) == {"index-url": "https://a.example"}


def test_a_folder_of_wheels_that_is_not_there_is_passed_over() -> None:
    settings = {"find-links": "/no/such/folder https://links.example/"}
    assert translate(settings, {}) == {"UV_FIND_LINKS": "https://links.example/"}


def test_the_other_settings_of_the_connection_are_translated() -> None:
    settings = {
        "no-index": "true",
        "client-cert": "/client.pem",
        "proxy": "http://proxy.example:3128",
        "timeout": "60",
        "trusted-host": "one.example\ntwo.example",
    }
    assert translate(settings, {}) == {
        "UV_NO_INDEX": "true",
        "SSL_CLIENT_CERT": "/client.pem",
        "HTTP_PROXY": "http://proxy.example:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "UV_HTTP_TIMEOUT": "60",
        "UV_INSECURE_HOST": "one.example two.example",
    }
