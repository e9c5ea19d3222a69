"""The function's signatures and addresses are those of botocore."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.endpoint_provider import EndpointProvider
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

REGIONS = sorted(
    {
        region
        for partition in botocore.session.get_session().get_available_partitions()
        for region in botocore.session.get_session().get_available_regions("sagemaker-runtime", partition)
    }
    | {"us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1"}
)
KEYS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1, max_size=40
)


@pytest.mark.parametrize("token", ["", "a session's token"])
@pytest.mark.parametrize(("service", "signer"), [("sagemaker", SigV4Auth), ("s3", S3SigV4Auth)])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(key=KEYS, body=st.binary(max_size=100), accept=st.sampled_from(["application/json", "a  b ", "*/*"]))
@example(key="a b/../é%41+~", body=b"", accept="application/json")
def test_a_signature_is_the_one_that_botocore_makes(
    modules: Any, service: str, signer: Any, token: str, key: str, body: bytes, accept: str
) -> None:
    path = "/" + modules["aws_calls"].quote(key, safe="/~")
    if service != "s3" and {"", ".", ".."} & set(path[1:].split("/")):
        return  # botocore normalises the path of other services; ours are the names of endpoints
    headers = {"Accept": accept, "Content-Type": "image/jpeg", "Host": "example.amazonaws.com"}
    request = AWSRequest("POST", f"https://example.amazonaws.com{path}", headers=headers, data=body)
    signer(Credentials("AKIA", "secret", token or None), service, "eu-west-1").add_auth(request)
    at = time.mktime(time.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ")) - time.timezone
    scope = modules["signature"].Scope("eu-west-1", service)
    credentials = modules["signature"].Credentials("AKIA", "secret", token)

    signed = modules["signature"].signed("POST", path, headers, body, scope, credentials, at)

    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert {name.lower(): value for name, value in signed.items()} == theirs


@pytest.fixture(scope="module")
def resolved() -> Callable[..., str]:
    """Return the address that botocore's rules give for a service and its parameters."""
    load = botocore.session.get_session().get_component("data_loader").load_service_model
    partitions = botocore.session.get_session().get_component("data_loader").load_data("partitions")
    providers = {
        service: EndpointProvider(load(service, "endpoint-rule-set-1"), partitions)
        for service in ("sagemaker-runtime", "s3")
    }

    def resolve(service: str, **parameters: Any) -> str:
        address: str = providers[service].resolve_endpoint(**parameters).url
        return address

    return resolve


@pytest.mark.parametrize(("fips", "dual_stack"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("region", REGIONS)
def test_addresses_are_those_of_botocore(
    modules: Any,
    resolved: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    region: str,
    fips: bool,
    dual_stack: bool,
) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", str(fips))
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", str(dual_stack))
    address = modules["service_address"]
    variant = {"Region": region, "UseFIPS": fips, "UseDualStack": dual_stack}
    theirs = resolved("sagemaker-runtime", **variant)
    assert address.model_address(region, "name") == f"{theirs}/endpoints/name/invocations"
    if fips and region.startswith("cn-"):
        return  # S3 has no such endpoints there
    for bucket in ("photos-1234", "photos.example"):
        theirs = resolved("s3", **variant, Bucket=bucket, Accelerate=False, UseGlobalEndpoint=False)
        assert address.bucket_address(region, bucket) == theirs


@pytest.mark.parametrize(
    ("variables", "model", "bucket"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/"}, "http://127.0.0.1:4566", "http://127.0.0.1:4566/b"),
        (
            {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://s3"},
            "http://a",
            "http://s3/b",
        ),
        (
            {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": "http://r"},
            "http://r",
            "https://s3.eu-west-1.amazonaws.com/b",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "https://runtime.sagemaker.eu-west-1.amazonaws.com",
            "https://s3.eu-west-1.amazonaws.com/b",
        ),
    ],
)
def test_a_configured_address_comes_first(
    modules: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], model: str, bucket: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    address = modules["service_address"]
    assert address.model_address("eu-west-1", "e") == f"{model}/endpoints/e/invocations"
    assert address.bucket_address("eu-west-1", "b") == bucket
