"""No two parts of a request name different operations or resources: moto reads what the codec has read."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.core.request import Request
from werkzeug.test import EnvironBuilder

from kennel.localcloud.moto_adapter.patches import apply_all
from kennel.localcloud.protocol import canonical, codec
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.protocol.signature import RequestSignature

HOST = "127.0.0.1:4510"
UNTIMED = settings(deadline=None)  # the first example reads the models of a service
NAMES = st.sampled_from(["mine", "victim"])
FORM = canonical.FORM


@pytest.fixture(autouse=True, scope="module")
def _patched() -> None:
    apply_all()


def arrived(
    method: str, target: str, headers: dict[str, str], body: bytes, host: str = HOST
) -> dict[str, Any]:
    path, _, query = target.partition("?")
    environ = EnvironBuilder(
        method=method, input_stream=io.BytesIO(body), content_length=len(body)
    ).get_environ()
    environ |= {"RAW_URI": target, "QUERY_STRING": query, "HTTP_HOST": host, "PATH_INFO": path}
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


def read(service: str, environ: dict[str, Any]) -> tuple[codec.Decoded, Request] | None:
    """Return what the codec decodes, and the request for moto; None if it is refused."""
    signature = RequestSignature("AKIAKENNELOPERATOR00", "us-east-1", service, "", "", "header")
    try:
        decoded = codec.decode(service, environ)
        for_moto = canonical.rebuilt(
            environ, decoded.model, decoded.protocol, decoded.labels, signature, HOST
        )
    except AwsError:
        return None
    body = decoded.read_body or b""
    return decoded, Request({**for_moto, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})


def as_moto_reads(responses: Any, request: Request) -> Any:
    responses.setup_class(request, request.raw_url, request.headers)
    return responses


def pairs(*names: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Return fields of a form, most of them one of these names."""
    return st.lists(st.tuples(st.sampled_from(names), NAMES), max_size=4)


ACTIONS = st.sampled_from(["GetRole", "DeleteRole", "CreateUser", "ListRoles"])
TYPES = st.sampled_from([FORM, f"{FORM}; charset=utf-8", "text/plain", "application/x-amz-json-1.1", ""])
STRAY = st.dictionaries(
    st.sampled_from(["Action", "X-Amz-Target", "Rolename", "User-Agent"]),
    st.sampled_from(["CreateUser", "IAM.CreateUser", "victim", "x region/eu-west-1"]),
    max_size=2,
)


@UNTIMED
@given(
    url=pairs("RoleName", "UserName", "Marker"),
    form=pairs("RoleName", "UserName", '{"RoleName": "victim"}', "key", "file"),
    actions=st.lists(st.tuples(st.booleans(), ACTIONS), min_size=1, max_size=3),
    content_type=TYPES,
    headers=STRAY,
    path=st.sampled_from(["/", "/victim", "/x.eu-west-1.amazonaws.com/"]),
)
def test_a_request_of_the_query_protocol_says_one_thing(
    url: list[tuple[str, str]],
    form: list[tuple[str, str]],
    actions: list[tuple[bool, str]],
    content_type: str,
    headers: dict[str, str],
    path: str,
) -> None:
    from moto.iam.responses import IamResponse

    url = url + [("Action", action) for in_url, action in actions if in_url]
    form = form + [("Action", action) for in_url, action in actions if not in_url]
    environ = arrived(
        "POST",
        f"{path}?{urlencode(url)}",
        {**headers, "Content-Type": content_type},
        urlencode(form).encode(),
    )
    result = read("iam", environ)
    if result is None:
        return
    decoded, request = result
    moto = as_moto_reads(IamResponse(), request)
    assert moto._get_action() == decoded.model.name
    assert moto.region == "us-east-1"
    for name in ("RoleName", "UserName"):
        assert moto._get_param(name) == decoded.parameters.get(name)


@UNTIMED
@given(
    numbers=st.lists(st.sampled_from([1, 2, 3, 7]), unique=True, max_size=3),
    name=st.sampled_from(["InstanceId", "InstanceIds", "instanceId"]),
    action=st.sampled_from(["DescribeInstances", "TerminateInstances"]),
)
def test_a_list_of_ec2_has_the_members_that_were_decoded(numbers: list[int], name: str, action: str) -> None:
    from moto.ec2.responses import EC2Response

    form = [("Action", action), *((f"{name}.{number}", f"i-{number}") for number in numbers)]
    result = read("ec2", arrived("POST", "/", {"Content-Type": FORM}, urlencode(form).encode()))
    assert result is not None
    decoded, request = result
    moto = as_moto_reads(EC2Response(), request)
    assert moto._get_action() == decoded.model.name
    assert moto._get_param("InstanceIds", []) == decoded.parameters.get("InstanceIds", [])


@UNTIMED
@given(
    target=st.sampled_from(["SageMaker.DescribeModel", "SageMaker.DeleteModel", "SageMaker.ListModels"]),
    document=st.dictionaries(
        st.sampled_from(["ModelName", "NameContains", "&ModelName=victim&", "Action"]),
        st.sampled_from(["mine", "&ModelName=victim&Action=DeleteModel&", "&Action=CreateModel"]),
        max_size=3,
    ),
    query=pairs("Action", "ModelName", "NameContains"),
    headers=STRAY,
    content_type=st.sampled_from(["application/x-amz-json-1.1", FORM]),
)
def test_a_request_in_json_says_one_thing(
    target: str,
    document: dict[str, str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    content_type: str,
) -> None:
    from moto.sagemaker.responses import SageMakerResponse

    environ = arrived(
        "POST",
        f"/?{urlencode(query)}",
        {**headers, "X-Amz-Target": target, "Content-Type": content_type},
        json.dumps(document).encode(),
    )
    result = read("sagemaker", environ)
    if result is None:
        return
    decoded, request = result
    moto = as_moto_reads(SageMakerResponse(), request)
    assert moto._get_action() == decoded.model.name == target.split(".")[1]
    assert moto.region == "us-east-1"
    for name in ("ModelName", "NameContains"):
        if name in decoded.model.input_shape.members:
            assert moto._get_param(name) == decoded.parameters.get(name)


@UNTIMED
@given(
    method=st.sampled_from(["GET", "PUT", "DELETE"]),
    name=st.sampled_from(["mine", "victim", "arn:aws:lambda:us-east-1:123456789012:function:mine"]),
    rest=st.sampled_from(["", "/policy", "/concurrency", "/configuration"]),
    query=pairs("Action", "FunctionName", "Qualifier", "MaxItems"),
    headers=STRAY,
    body=st.sampled_from([b"", b"Action=DeleteFunction", b'{"FunctionName": "victim"}']),
    content_type=st.sampled_from([FORM, "application/json", ""]),
)
def test_a_rest_request_says_one_thing(
    method: str,
    name: str,
    rest: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    content_type: str,
) -> None:
    from moto.awslambda.responses import LambdaResponse

    path = f"/2015-03-31/functions/{quote(name, safe='')}{rest}"
    environ = arrived(method, f"{path}?{urlencode(query)}", {**headers, "Content-Type": content_type}, body)
    result = read("lambda", environ)
    if result is None:
        return
    decoded, request = result
    moto = as_moto_reads(LambdaResponse(), request)
    assert moto._get_action() == decoded.model.name
    again = codec.decode("lambda", {**request.environ, "wsgi.input": io.BytesIO(body)})
    assert (again.model.name, again.parameters) == (decoded.model.name, decoded.parameters)
    assert decoded.parameters["FunctionName"] in (name, name + rest)
    assert set(request.args) <= {"Qualifier", "MaxItems"}


SEGMENTS = st.sampled_from(
    [
        "mine",
        "victim",
        "..",
        ".",
        "",
        "%2e%2e",
        "a%2Fb",
        "k#x",
        "k;p",
        "k%3Fx",
        "moto-api",
        "latest",
        "meta-data",
    ]
)
QUERY = st.lists(
    st.sampled_from(
        [
            "policy",
            "acl",
            "tagging",
            "location",
            "uploads",
            "uploadId=x",
            "partNumber=1",
            "versionId=v",
            "list-type=2",
            "versions",
            "delete",
            "x-id=PutObject",
            "prefix=a",
            "unknown",
            "%70olicy",
        ]
    ),
    max_size=3,
)
HOSTS = st.sampled_from(
    ["", "mine.localhost", "localhost-x.localhost", "s3.x.localhost", "mine.s3.amazonaws.com"]
)
SOURCES = st.sampled_from(
    [
        "",
        "/mine/k",
        "victim/k#mine",
        "mine/k;x",
        "//victim/k",
        "mine/k?versionId=1",
        "mine/k%3FversionId=1",
        "http://h/v/k",
    ]
)


@UNTIMED
@given(
    method=st.sampled_from(["GET", "PUT", "DELETE", "POST", "HEAD"]),
    segments=st.lists(SEGMENTS, max_size=4),
    query=QUERY,
    host=HOSTS,
    source=SOURCES,
)
def test_a_request_of_s3_says_one_thing(
    method: str, segments: list[str], query: list[str], host: str, source: str
) -> None:
    from moto.s3.responses import S3Response

    headers = {"X-Amz-Copy-Source": source} if source else {}
    environ = arrived(method, f"/{'/'.join(segments)}?{'&'.join(query)}", headers, b"", host or HOST)
    if host:
        environ["kennel.bucket"] = host.split(".localhost")[0].split(".s3.amazonaws")[0]
    result = read("s3", environ)
    if result is None:
        return
    decoded, request = result
    moto = as_moto_reads(S3Response(), request)
    assert (moto.bucket_name or "") == decoded.parameters.get("Bucket", "")
    if "Key" in decoded.parameters:
        assert moto.parse_key_name() == decoded.parameters["Key"]
    again = codec.decode("s3", {**request.environ, "wsgi.input": io.BytesIO()})
    assert again.model.name == decoded.model.name
    same = {name: value for name, value in decoded.parameters.items() if name != "CopySource"}
    assert {name: again.parameters.get(name) for name in same} == same
    if "CopySource" in decoded.parameters:
        assert canonical.copy_source(again.parameters["CopySource"]) == canonical.copy_source(source)
