"""Requests that try to do more than their signer may: none does anything but what was allowed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from kennel.localcloud import lifecycle

from . import wire
from .conftest import ACCOUNT, Client, document, statement

SECRET = b"THE-SECRET-OF-THE-VICTIM"
SECRET_MD5 = hashlib.md5(SECRET, usedforsecurity=False).hexdigest()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OPEN_POLICY = document(
    {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::victim/*"}
)
ROLE = "attacker"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
# Buckets of the attacker's, whose names moto takes for something else in a host name.
MINE = ["attacker-mine", "localhost-mine", "s3-mine", "s3.mine", "127.0.0.1.mine"]


@dataclass(frozen=True)
class Probe:
    """One request of the attacker's.

    Attributes
    ----------
    by
        ``header`` or ``query``: where its signature is; ``none`` for no signature.
    options
        How it is signed: arguments of `wire.by_header` or `wire.by_query`.
    after
        What is changed behind the signer's back: target, headers, body.
    refused
        Whether an answer of success is a fault by itself.
    unimplemented
        Whether the local cloud says that it does not have what is asked for.
    code
        A part of AWS's error, where AWS documents one.
    """

    service: str
    method: str = "POST"
    target: str = "/"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    by: str = "header"
    options: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    refused: bool = True
    unimplemented: bool = False
    code: str = ""


def query(action: str, **parameters: str) -> str:
    return urlencode({"Action": action, **parameters})


def form(service: str, version: str, in_url: str, in_body: str, **more: Any) -> Probe:
    body = f"{in_body}&Version={version}".encode()
    return Probe(service, target=f"/?{in_url}&Version={version}", body=body, headers=FORM, **more)


ATTACH = query("AttachRolePolicy", RoleName=ROLE, PolicyArn=ADMIN)
IAM, EC2, SNS, STS, CW = "2010-05-08", "2016-11-15", "2010-03-31", "2011-06-15", "2010-08-01"
READ_ROLE = query("GetRole", RoleName=ROLE)
QUERY_API = {
    "iam: one action in the URL, another in the body": form("iam", IAM, READ_ROLE, ATTACH),
    "iam: one action in the body, another in the URL": form("iam", IAM, ATTACH, READ_ROLE),
    "iam: two actions in the URL": Probe("iam", "GET", f"/?{READ_ROLE}&{ATTACH}&Version={IAM}"),
    "iam: two actions in the URL, turned": Probe("iam", "GET", f"/?{ATTACH}&{READ_ROLE}&Version={IAM}"),
    "iam: two actions in the body": Probe(
        "iam", body=f"{READ_ROLE}&{ATTACH}&Version={IAM}".encode(), headers=FORM
    ),
    "iam: two actions in the body, turned": Probe(
        "iam", body=f"{ATTACH}&{READ_ROLE}&Version={IAM}".encode(), headers=FORM
    ),
    "iam: a role in the URL, another in the body": form(
        "iam", IAM, "RoleName=victim", query("DeleteRole", RoleName=ROLE)
    ),
    "iam: a role twice": Probe(
        "iam",
        body=f"{query('DeleteRole', RoleName=ROLE)}&RoleName=victim&Version={IAM}".encode(),
        headers=FORM,
    ),
    "iam: the action in a header": Probe(
        "iam", "GET", "/", headers={"Action": "CreateUser", "UserName": "made-by-attack"}
    ),
    "iam: the action in a target": Probe(
        "iam",
        body=f"{READ_ROLE}&Version={IAM}".encode(),
        headers={**FORM, "X-Amz-Target": "AWSIdentityManagement.CreateUser"},
        refused=False,
    ),
    "iam: an action in a multipart form": Probe(
        "iam",
        target=f"/?{READ_ROLE}&Version={IAM}",
        body=b'--b\r\nContent-Disposition: form-data; name="Action"\r\n\r\nCreateUser\r\n--b\r\n'
        b'Content-Disposition: form-data; name="UserName"\r\n\r\nmade-by-attack\r\n--b--\r\n',
        headers={"Content-Type": "multipart/form-data; boundary=b"},
        refused=False,
    ),
    "iam: an action in a body of another type": Probe(
        "iam",
        target=f"/?{READ_ROLE}&Version={IAM}",
        body=query("CreateUser", UserName="made-by-attack").encode(),
        headers={"Content-Type": "text/plain"},
        refused=False,
    ),
    "iam: parameters in JSON behind a form": Probe(
        "iam",
        body=urlencode(
            {"key": "1", "Version": IAM, "Action": "DeleteRole", '{"RoleName": "victim"}': ""}
        ).encode(),
        headers=FORM,
    ),
    "iam: a user by the service of another host": Probe(
        "iam",
        body=f"{READ_ROLE}&Version={IAM}".encode(),
        headers={**FORM, "Host": "sts.us-east-1.amazonaws.com"},
        refused=False,
    ),
    "ec2: one action in the URL, another in the body": form(
        "ec2", EC2, query("DescribeVpcs"), query("CreateKeyPair", KeyName="made-by-attack")
    ),
    "ec2: one action in the body, another in the URL": form(
        "ec2", EC2, query("CreateKeyPair", KeyName="made-by-attack"), query("DescribeVpcs")
    ),
    "sns: one action in the URL, another in the body": form(
        "sns", SNS, query("ListTopics"), query("CreateTopic", Name="made-by-attack")
    ),
    "sns: one action in the body, another in the URL": form(
        "sns", SNS, query("CreateTopic", Name="made-by-attack"), query("ListTopics")
    ),
    "cloudwatch: one action in the URL, another in the body": form(
        "monitoring", CW, query("ListMetrics"), query("DeleteAlarms", **{"AlarmNames.member.1": "victim"})
    ),
    "cloudwatch: one action in the body, another in the URL": form(
        "monitoring", CW, query("DeleteAlarms", **{"AlarmNames.member.1": "victim"}), query("ListMetrics")
    ),
    "sts: one action in the URL, another in the body": form(
        "sts",
        STS,
        query("GetCallerIdentity"),
        query("AssumeRole", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/victim", RoleSessionName="attack"),
    ),
    "sts: a role in the URL, another in the body": form(
        "sts",
        STS,
        f"RoleArn=arn:aws:iam::{ACCOUNT}:role/victim",
        query("AssumeRole", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName="attack"),
    ),
    "sns: a topic and another target": Probe(
        "sns",
        body=query(
            "Publish",
            Version=SNS,
            TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:attacker-mine",
            TargetArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:victim",
            Message="attack",
        ).encode(),
        headers=FORM,
    ),
    "sns: a topic and a telephone": Probe(
        "sns",
        body=query(
            "Publish",
            Version=SNS,
            TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:attacker-mine",
            PhoneNumber="+15550001111",
            Message="attack",
        ).encode(),
        headers=FORM,
    ),
    "iam: signed in the query, its action in the body": Probe(
        "iam", by="query", body=f"{ATTACH}&Version={IAM}".encode(), headers=FORM
    ),
    "iam: signed in the query, another action in the body": form("iam", IAM, READ_ROLE, ATTACH, by="query"),
    "sts: signed in the query, an unsigned body": Probe(
        "sts",
        target=f"/?{query('GetCallerIdentity')}&Version={STS}",
        by="query",
        after={"body": query("AssumeRole", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/attacker").encode()},
    ),
    "iam: signed in the query, a bucket's path": Probe(
        "iam",
        "GET",
        f"/victim/secret?{READ_ROLE}&Version={IAM}",
        by="query",
        refused=False,
    ),
    "iam: signed in the query, a bucket's policy deleted": Probe(
        "iam", "DELETE", f"/victim?policy&{READ_ROLE}&Version={IAM}", by="query", refused=False
    ),
    "iam: signed in the query, an object written": Probe(
        "iam", "PUT", f"/victim/secret?{READ_ROLE}&Version={IAM}", by="query", refused=False
    ),
    "sns: signed for SNS, the path of a bucket": Probe(
        "sns", "PUT", f"/victim/secret?{query('ListTopics')}&Version={SNS}", refused=False
    ),
}

ENDPOINTS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListEndpoints"}
LOGS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.DescribeLogStreams"}
MODEL = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.DescribeModel"}
MESSAGE = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
JSON_API = {
    "sagemaker: an action in the URL": Probe(
        "sagemaker",
        target="/?Action=DeleteModel&ModelName=victim",
        body=b"{}",
        headers=ENDPOINTS,
        refused=False,
    ),
    "sagemaker: an action in the JSON": Probe(
        "sagemaker",
        body=b'{"NameContains": "&Action=DeleteModel&ModelName=victim&"}',
        headers=ENDPOINTS,
        refused=False,
    ),
    "sagemaker: another model in the JSON": Probe(
        "sagemaker",
        body=b'{"x": "&ModelName=victim&", "ModelName": "attacker-mine"}',
        headers=MODEL,
        refused=False,
    ),
    "sagemaker: another model in the URL": Probe(
        "sagemaker",
        target="/?ModelName=victim",
        body=b'{"ModelName": "attacker-mine"}',
        headers=MODEL,
        refused=False,
    ),
    "sagemaker: another model in a form": Probe(
        "sagemaker",
        body=b'{"ModelName": "attacker-mine", "x": "&ModelName=victim&"}',
        headers={**MODEL, **FORM},
        refused=False,
    ),
    "sagemaker: the model twice": Probe(
        "sagemaker", body=b'{"ModelName": "attacker-mine", "ModelName": "victim"}', headers=MODEL
    ),
    "sagemaker: an action in a header": Probe(
        "sagemaker", headers={**ENDPOINTS, "Action": "DeleteModel"}, body=b"{}", refused=False
    ),
    "sagemaker: two targets": Probe(
        "sagemaker", headers={**ENDPOINTS, "X_Amz_Target": "SageMaker.DeleteModel"}, body=b"{}", refused=False
    ),
    "sagemaker: a target with another prefix": Probe(
        "sagemaker", headers={**ENDPOINTS, "X-Amz-Target": "Logs.X.SageMaker.ListModels"}, body=b"{}"
    ),
    "sagemaker: the runtime's path": Probe(
        "sagemaker", target="/endpoints/victim/invocations", headers=ENDPOINTS, body=b"{}"
    ),
    "sagemaker: the region of the user agent": Probe(
        "sagemaker",
        body=b'{"ModelName": "attacker-mine"}',
        headers={**MODEL, "User-Agent": "x region/eu-west-1"},
        refused=False,
    ),
    "sagemaker: the region of the path": Probe(
        "sagemaker",
        target="/x.eu-west-1.amazonaws.com",
        body=b'{"ModelName": "attacker-mine"}',
        headers=MODEL,
        refused=False,
    ),
    "sqs: another queue in the path": Probe(
        "sqs",
        target=f"/{ACCOUNT}/victim",
        body=json.dumps(
            {"QueueUrl": f"http://localhost/{ACCOUNT}/attacker-mine", "MessageBody": "a"}
        ).encode(),
        headers=MESSAGE,
        refused=False,
    ),
    "sqs: another queue in the URL": Probe(
        "sqs",
        target=f"/?QueueUrl=http://localhost/{ACCOUNT}/victim",
        body=json.dumps(
            {"QueueUrl": f"http://localhost/{ACCOUNT}/attacker-mine", "MessageBody": "a"}
        ).encode(),
        headers=MESSAGE,
        refused=False,
    ),
    "sqs: a queue's URL that ends in a slash": Probe(
        "sqs",
        target=f"/{ACCOUNT}/victim",
        body=json.dumps({"QueueUrl": "attacker-mine/", "MessageBody": "a"}).encode(),
        headers=MESSAGE,
    ),
    "logs: a group and another's ARN": Probe(
        "logs",
        body=json.dumps(
            {
                "logGroupName": "victim",
                "logGroupIdentifier": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:attacker-mine",
            }
        ).encode(),
        headers=LOGS,
    ),
    "json: NaN": Probe(
        "sagemaker", body=b'{"MaxResults": NaN}', headers=ENDPOINTS, code="SerializationException"
    ),
    "json: Infinity": Probe(
        "sagemaker", body=b'{"MaxResults": -Infinity}', headers=ENDPOINTS, code="SerializationException"
    ),
    "json: 100,000 lists deep": Probe(
        "sagemaker",
        body=b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        headers=ENDPOINTS,
        code="SerializationException",
    ),
    "json: 100,000 objects deep": Probe(
        "sagemaker",
        body=b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        headers=ENDPOINTS,
        code="SerializationException",
    ),
    "json: cut off": Probe(
        "sagemaker", body=b'{"MaxResults": 1', headers=ENDPOINTS, code="SerializationException"
    ),
    "lambda: an action in the URL": Probe(
        "lambda", "GET", "/2015-03-31/functions?Action=DeleteFunction&FunctionName=victim", refused=False
    ),
    "lambda: an action in a header": Probe(
        "lambda", "GET", "/2015-03-31/functions", headers={"Action": "delete_function"}, refused=False
    ),
    "lambda: an action in a form": Probe(
        "lambda", "GET", "/2015-03-31/functions", headers=FORM, body=b"Action=CreateFunction", refused=False
    ),
    "lambda: a target": Probe(
        "lambda", "GET", "/2015-03-31/functions", headers={"X-Amz-Target": "X.CreateFunction"}, refused=False
    ),
}

CONCURRENCY = "/2017-10-31/functions/victim/concurrency"
JSON_API |= {
    "lambda: another function in the body": Probe(
        "lambda",
        "PUT",
        CONCURRENCY,
        b'{"FunctionName": "attacker-mine", "ReservedConcurrentExecutions": 0}',
        code="SerializationException",
    ),
    "lambda: another function in the body, as the path spells it": Probe(
        "lambda", "PUT", CONCURRENCY, b'{"functionName": "attacker-mine", "ReservedConcurrentExecutions": 0}'
    ),
    "lambda: another function in the URL": Probe(
        "lambda",
        "PUT",
        f"{CONCURRENCY}?FunctionName=attacker-mine",
        b'{"ReservedConcurrentExecutions": 0}',
        code="AccessDenied",
    ),
    "json: another encoding": Probe("sagemaker", body="{}".encode("utf-16"), headers=ENDPOINTS),
    "json: a member twice": Probe("sagemaker", body=b'{"MaxResults": 1, "MaxResults": 2}', headers=ENDPOINTS),
    "json: packed": Probe(
        "sagemaker",
        body=gzip.compress(b'{"ModelName": "victim"}'),
        headers={**MODEL, "Content-Encoding": "gzip"},
    ),
}
HEX = hashlib.sha256(b"content").hexdigest()


def virtual(host: str, method: str, target: str, body: bytes = b"", **more: Any) -> Probe:
    return Probe("s3", method, target, body, {"Host": host, **more.pop("headers", {})}, **more)


S3_HOSTS = {
    f"s3: the bucket of the host {name}.localhost, {what}": virtual(
        f"{name}.localhost", method, target, body, refused=False
    )
    for name in MINE
    for what, method, target, body in (
        ("the policy of another", "PUT", "/victim?policy", OPEN_POLICY.encode()),
        ("no policy of another", "DELETE", "/victim?policy", b""),
        ("an object of another", "GET", "/victim/secret", b""),
        ("an object of another overwritten", "PUT", "/victim/secret", b"attack"),
    )
} | {
    "s3: a bucket of the host that a target hides": virtual(
        "victim.localhost", "PUT", "/attacker-mine/k", b"attack", headers={"X-Amz-Target": "x"}, refused=False
    ),
    "s3: an object of the host that a target hides": virtual(
        "victim.localhost", "DELETE", "/attacker-mine/k", headers={"X-Amz-Target": "x"}, refused=False
    ),
    "s3: an access point's host": virtual(
        f"victim-{ACCOUNT}.s3-accesspoint.us-east-1.amazonaws.com", "GET", "/secret"
    ),
    "s3: the host of the account's settings": virtual(
        "s3-control.us-east-1.amazonaws.com", "GET", "/attacker-mine/k", refused=False
    ),
    "s3: the path of the account's settings": virtual(
        "localhost",
        "GET",
        "/v20180820/configuration/publicAccessBlock",
        headers={"x-amz-account-id": ACCOUNT},
    ),
    "s3: a bucket with an escape in the host": virtual("attacker-mine%2f.localhost", "GET", "/secret"),
}


def s3(method: str, target: str, body: bytes = b"", **more: Any) -> Probe:
    return Probe("s3", method, target, body, more.pop("headers", {}), **more)


def copy(source: str, **more: Any) -> Probe:
    return s3("PUT", "/attacker-mine/stolen", headers={"x-amz-copy-source": source}, **more)


SUBRESOURCES = [
    "policy",
    "acl",
    "tagging",
    "versioning",
    "cors",
    "website",
    "lifecycle",
    "encryption",
    "uploads",
]
S3_TARGETS = {
    **{
        f"s3: an object's target with ?{name}": s3("PUT", f"/attacker-mine/k?{name}&acl", b"<x/>")
        for name in ("tagging", "retention", "legal-hold")
    },
    "s3: two sub-resources of a bucket": s3("GET", "/victim?location&policy"),
    "s3: two sub-resources of a bucket, turned": s3("GET", "/victim?policy&location"),
    "s3: a location and an ACL": s3("GET", "/victim?location&acl"),
    "s3: a location and uploads": s3("GET", "/victim?location&uploads"),
    "s3: a sub-resource and a listing": s3("GET", "/victim?location&list-type=2"),
    "s3: a sub-resource and versions": s3("GET", "/victim?versions&location"),
    "s3: a sub-resource twice": s3("GET", "/victim?location&location=1&policy"),
    "s3: a version twice": s3("GET", "/attacker-mine/k?versionId=null&versionId=x"),
    "s3: an upload in a tagging": s3("PUT", "/attacker-mine/k?tagging&uploadId=x&partNumber=1", b"<x/>"),
    "s3: a sub-resource with an escaped name": s3("GET", "/victim?location&%70olicy"),
    "s3: a removal of many by a query in a query": s3(
        "POST", "/attacker-mine/k?uploads&delete", b"<Delete><Object><Key>x</Key></Object></Delete>"
    ),
    "s3: a form's key": s3(
        "PUT",
        "/attacker-mine/k",
        b"key=secret&file=attack",
        headers={**FORM},
        refused=False,
    ),
    "s3: a query signed for another bucket": s3(
        "GET", "/attacker-mine/k", by="query", after={"target": "/victim/secret"}
    ),
    "s3: an object below its own": s3("GET", "/attacker-mine/../victim/secret", refused=False),
    "s3: an object below its own, escaped": s3("GET", "/attacker-mine/%2e%2e/victim/secret", refused=False),
    "s3: an object below its own, in escaped slashes": s3(
        "GET", "/attacker-mine/..%2fvictim%2fsecret", refused=False
    ),
    "s3: two slashes before the bucket": s3("GET", "//victim/secret", refused=False),
    "s3: a bucket in an escape": s3("GET", "/attacker-mine%2f..%2fvictim/secret", refused=False),
    "s3: an absolute target": s3("GET", "http://localhost/victim/secret", refused=True),
    "s3: a fragment": s3("GET", "/attacker-mine/k%23/../../victim/secret", refused=False),
    "s3: a fragment as it is": s3("DELETE", "/attacker-mine/k#x?policy", refused=False),
    "s3: a parameter of the path": s3("PUT", "/victim;x/secret", b"attack", refused=False),
    "s3: a parameter behind the bucket": s3("PUT", "/victim;x?policy", OPEN_POLICY.encode()),
    "s3: a copy from another": copy("/victim/secret"),
    "s3: a copy with a fragment": copy("/victim/secret#/mine"),
    "s3: a copy with a parameter": copy("/victim/secret;x"),
    "s3: a copy with an escaped fragment": copy("/victim/secret%23x", refused=True),
    "s3: a copy from an address": copy("http://attacker-mine/victim/secret"),
    "s3: a copy from a host": copy("//victim/secret"),
    "s3: a copy with two queries": copy("/attacker-mine/k?versionId=null&versionId=x"),
    "s3: a copy of a scheme": copy("attacker-mine:/victim/secret"),
    "s3: a copy from a bucket in escapes": copy("%2Fvictim%2Fsecret"),
    "s3: a copy from an ARN": copy("arn:aws:s3:::victim/secret"),
    "s3: a copied part with a fragment": s3(
        "PUT",
        "/attacker-mine/stolen?uploadId=x&partNumber=1",
        headers={"x-amz-copy-source": "/victim/secret#x"},
    ),
    "s3: a copy in an upload without a number": s3(
        "PUT", "/attacker-mine/stolen?uploadId=x", headers={"x-amz-copy-source": "/victim/secret"}
    ),
    **{f"s3: ?{name} without a permission": s3("GET", f"/victim?{name}") for name in SUBRESOURCES},
}

PUT = {"method": "PUT", "target": "/attacker-mine/k"}
BODY = b"content"
MD5 = base64.b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()


def put(body: bytes = BODY, headers: dict[str, str] | None = None, **more: Any) -> Probe:
    return Probe("s3", "PUT", "/attacker-mine/guarded", body, headers or {}, **more)


def chunked(content: bytes, kind: str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", **more: str) -> Probe:
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "7", **more}
    return put(content, headers, options={"payload": kind})


TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CRC = {"x-amz-trailer": "x-amz-checksum-crc32"}
SIGNATURES = {
    **{
        f"{service}: a header signature of {what}": Probe(
            service,
            *(("GET", "/attacker-mine/k") if service == "s3" else ("GET", f"/?{READ_ROLE}&Version={IAM}")),
            options={"date": seconds},
            code="RequestTimeTooSkewed" if service == "s3" else "SignatureDoesNotMatch",
        )
        for service in ("s3", "iam")
        for what, seconds in (("16 minutes ago", -960), ("in 16 minutes", 960), ("last year", -31_000_000))
    },
    "s3: a scope of another day": s3(
        "GET", "/attacker-mine/k", options={"scope": "20200101/us-east-1/s3/aws4_request"}
    ),
    "iam: a scope of another day": Probe(
        "iam", "GET", f"/?{READ_ROLE}&Version={IAM}", options={"scope": "20200101/us-east-1/iam/aws4_request"}
    ),
    "s3: a presigned scope of another day": s3(
        "GET", "/attacker-mine/k", by="query", options={"scope": "20200101/us-east-1/s3/aws4_request"}
    ),
    "s3: an unsigned host": s3("GET", "/attacker-mine/k", options={"leave_out": ("host",)}),
    "s3: an unsigned date": s3("GET", "/attacker-mine/k", options={"leave_out": ("host", "x-amz-date")}),
    "iam: an unsigned host": Probe(
        "iam", "GET", f"/?{READ_ROLE}&Version={IAM}", options={"leave_out": ("host",)}
    ),
    "s3: a presigned request without its host": s3(
        "GET", "/attacker-mine/k", by="query", options={"signed": ()}
    ),
    "s3: an unsigned x-amz header": put(
        headers={"x-amz-acl": "public-read"}, options={"leave_out": ("x-amz-acl",)}
    ),
    "s3: a presigned write with an ACL": put(by="query", after={"headers": {"x-amz-acl": "public-read"}}),
    "s3: a presigned write with tags": put(by="query", after={"headers": {"x-amz-tagging": "a=b"}}),
    "s3: a presigned write with metadata": put(by="query", after={"headers": {"x-amz-meta-a": "b"}}),
    "s3: a presigned write that copies": put(
        b"", by="query", after={"headers": {"x-amz-copy-source": "/attacker-mine/k"}}
    ),
    "s3: presigned for eight days": s3(
        "GET",
        "/attacker-mine/k",
        by="query",
        options={"expires": "691200"},
        code="AuthorizationQueryParametersError",
    ),
    "s3: presigned for no time": s3("GET", "/attacker-mine/k", by="query", options={"expires": "0"}),
    "s3: presigned for less": s3("GET", "/attacker-mine/k", by="query", options={"expires": "-5"}),
    "s3: presigned for x": s3("GET", "/attacker-mine/k", by="query", options={"expires": "x"}),
    "s3: presigned tomorrow": s3("GET", "/attacker-mine/k", by="query", options={"date": 86_000}),
    "s3: presigned and over": s3("GET", "/attacker-mine/k", by="query", options={"date": -900}),
    "s3: two signatures": s3(
        "GET", "/attacker-mine/k", after={"query": "&X-Amz-Signature=00&X-Amz-Algorithm=AWS4-HMAC-SHA256"}
    ),
    "s3: the algorithm of another version": s3(
        "GET", "/attacker-mine/k", by="query", after={"replace": ("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5")}
    ),
    "s3: another body than declared": put(after={"body": b"CONTENT"}, code="XAmzContentSHA256Mismatch"),
    "s3: another body than declared, of an object's tags": s3(
        "PUT",
        "/attacker-mine/k?tagging",
        b"<Tagging><TagSet></TagSet></Tagging>",
        after={"body": b"<Tagging><TagSet> </TagSet></Tagging>"},
        code="XAmzContentSHA256Mismatch",
    ),
    "s3: a hash that is none": put(options={"payload": "x"}),
    "s3: a hash of nothing": put(options={"payload": wire.EMPTY}, code="XAmzContentSHA256Mismatch"),
    "s3: another MD5": put(headers={"Content-MD5": base64.b64encode(b"0" * 16).decode()}, code="BadDigest"),
    "s3: an MD5 that is none": put(headers={"Content-MD5": "x"}, code="InvalidDigest"),
    "s3: another checksum": put(
        headers={"x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32"}
    ),
    "s3: another checksum, SHA-256": put(
        headers={
            "x-amz-checksum-sha256": base64.b64encode(b"0" * 32).decode(),
            "x-amz-sdk-checksum-algorithm": "SHA256",
        }
    ),
    "s3: chunks without signatures": chunked(b"7\r\ncontent\r\n0\r\n\r\n"),
    "s3: chunks with wrong signatures": chunked(
        b"7;chunk-signature=" + b"0" * 64 + b"\r\ncontent\r\n0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"
    ),
    "s3: chunks with lengths that are none": chunked(b"x;chunk-signature=" + b"0" * 64 + b"\r\ncontent\r\n"),
    "s3: a chunk of a negative length": chunked(b"-7\r\ncontent\r\n0\r\n\r\n", TRAILER),
    "s3: chunks of another length than announced": chunked(b"3\r\ncon\r\n0\r\n\r\n", TRAILER),
    "s3: chunks of an announced length that is none": chunked(
        b"7\r\ncontent\r\n0\r\n\r\n", TRAILER, **{"x-amz-decoded-content-length": "x"}
    ),
    "s3: chunks that end in the middle": chunked(b"7\r\ncont", TRAILER),
    "s3: chunks without an end": chunked(b"7\r\ncontent\r\n", TRAILER),
    "s3: no chunks": chunked(b"content", TRAILER),
    "s3: chunks with another trailer": chunked(
        b"7\r\ncontent\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", TRAILER, **CRC
    ),
    "s3: chunks without the trailer": chunked(b"7\r\ncontent\r\n0\r\n\r\n", TRAILER, **CRC),
    "s3: a length that is none": put(b"", headers={"Content-Length": "x"}),
    "s3: a negative length": put(b"", headers={"Content-Length": "-1"}),
    "iam: a length that is none": Probe("iam", headers={**FORM, "Content-Length": "7x"}, body=b"", code=""),
    "s3: a kind of payload that is none": put(options={"payload": "STREAMING-NOTHING"}),
}
SIGNATURES |= {
    "sagemaker: an unsigned target": Probe(
        "sagemaker", body=b"{}", headers=ENDPOINTS, options={"leave_out": ("x-amz-target",)}
    ),
    "s3: two kinds of signature": s3(
        "GET", "/attacker-mine/k", after={"query": "?AWSAccessKeyId=x&Signature=y"}
    ),
    "s3: a form's upload": s3(
        "POST",
        "/victim",
        b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nsecret\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"\r\n\r\nattack\r\n--b--\r\n',
        headers={"Content-Type": "multipart/form-data; boundary=b"},
        unimplemented=True,
    ),
    "s3: a chunk of HTTP whose length is none": put(
        b"zz\r\ncontent\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}, options={"payload": wire.UNSIGNED}
    ),
    "s3: another encoding of the transfer": put(
        b"content", {"Transfer-Encoding": "gzip"}, options={"payload": wire.UNSIGNED}
    ),
    "sts: presigned for eight days": Probe(
        "sts",
        "GET",
        f"/?{query('GetCallerIdentity')}&Version={STS}",
        by="query",
        options={"expires": "691200"},
    ),
}
INVOCATION = "/2015-03-31/functions/attacker-mine/invocations"
WHO = f"{query('GetCallerIdentity')}&Version={STS}".encode()
ORIGINS = {
    f"{name}: {what}": Probe(
        *request[:4], headers={**dict(*request[4:]), **headers}, by=by, code="another origin"
    )
    for name, request, by in (
        ("s3: a presigned write from a page", ("s3", "PUT", "/attacker-mine/k", b"page"), "query"),
        ("s3: a presigned read from a page", ("s3", "GET", "/attacker-mine/k"), "query"),
        ("iam: a presigned form from a page", ("iam", "GET", f"/?{READ_ROLE}&Version={IAM}"), "query"),
        ("lambda: a presigned invocation from a page", ("lambda", "POST", INVOCATION, b""), "query"),
        ("sts: a form from a page", ("sts", "POST", "/", WHO, FORM), "header"),
        ("s3: an unsigned read from a page", ("s3", "GET", "/attacker-mine/public"), "none"),
    )
    for what, headers in (
        ("another origin", {"Origin": "https://evil.example"}),
        ("no origin", {"Origin": "null"}),
        ("another port", {"Origin": "http://127.0.0.1:1"}),
        ("cross-site", {"Sec-Fetch-Site": "cross-site"}),
    )
}
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:victim"
METHODS = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Amz-Method")
# Ways to another path than the one that is authorised.
PATHS = {
    "two dots": "/attacker-mine/../victim/secret",
    "two escaped dots": "/attacker-mine/%2e%2e/victim/secret",
    "dots escaped twice": "/attacker-mine/%252e%252e/victim/secret",
    "two dots behind slashes": "/attacker-mine//..//victim/secret",
    "two slashes": "//victim/secret",
    "one dot": "/./victim/secret",
    "escaped slashes": "/attacker-mine%2f..%2fvictim%2fsecret",
    "an escaped slash": "/attacker-mine/..%2fvictim/secret",
    "backslashes": "/attacker-mine/..\\victim\\secret",
    "an escaped NUL": "/victim%00/secret",
    "parameters of a path": "/attacker-mine;/../victim/secret",
    "another case": "/VICTIM/secret",
    "an escaped letter": "/%76ictim/secret",
    "a bucket's ARN": "/arn:aws:s3:::victim/secret",
}


def own(body: bytes = BODY, headers: dict[str, str] | None = None, **more: Any) -> Probe:
    """Return a write that is allowed; what is attached to it is not."""
    return s3("PUT", "/attacker-mine/free", body, headers=headers or {}, **more)


WIRE = {
    **{f"s3: read by {what}": s3("GET", path) for what, path in PATHS.items()},
    **{f"s3: written by {what}": s3("PUT", path, b"attack", refused=False) for what, path in PATHS.items()},
    **{f"s3: deleted by {what}": s3("DELETE", path, refused=False) for what, path in PATHS.items()},
    **{
        f"s3: a method in {name}": s3("GET", "/attacker-mine/k", headers={name: "DELETE"}, refused=False)
        for name in METHODS
    },
    "s3: a method in the query": s3("GET", "/attacker-mine/k?_method=DELETE", refused=False),
    "s3: an operation in the query": s3("GET", "/attacker-mine/k?x-id=DeleteObject", refused=False),
    "s3: two hosts": s3("GET", "/attacker-mine/k", after={"more": [("Host", "victim.localhost")]}),
    "s3: an address with another host": s3(
        "GET", "/secret", after={"replace": ("/secret", "http://victim.localhost/secret")}
    ),
    "s3: an address with the host of another name": s3(
        "GET",
        "/attacker-mine/k",
        after={"replace": ("/attacker-mine/k", "http://evil.example/victim/secret")},
    ),
    "s3: two signatures in headers": s3(
        "GET", "/attacker-mine/k", after={"more": [("Authorization", "AWS4-HMAC-SHA256 Credential=x")]}
    ),
    "s3: two dates": s3("GET", "/attacker-mine/k", after={"more": [("X-Amz-Date", wire.stamp(60))]}),
    "s3: two hashes": put(after={"more": [("X-Amz-Content-SHA256", wire.UNSIGNED)]}),
    "s3: a source with an underscore": own(
        b"", after={"more": [("X_Amz_Copy_Source", "/victim/secret")]}, refused=False
    ),
    "s3: a source in capitals": put(b"", after={"more": [("X-AMZ-COPY-SOURCE", "/victim/secret")]}),
    "s3: a source in a folded line": own(
        b"",
        headers={"x-a": "1"},
        after={"more": [("x-a", "1\r\n x-amz-copy-source: /victim/secret")]},
        refused=False,
    ),
    "s3: a source by the SDK's metadata": own(
        b"", headers={"x-amz-meta-copy-source": "/victim/secret"}, refused=False
    ),
    "s3: two lengths": put(after={"more": [("Content-Length", "3")]}),
    "s3: two lengths in one": put(headers={"Content-Length": "7, 3"}),
    "s3: a length with a sign": put(headers={"Content-Length": "+7"}),
    "s3: a length and chunks": put(
        b"7\r\ncontent\r\n0\r\n\r\n",
        {"Transfer-Encoding": "chunked", "Content-Length": "7"},
        options={"payload": HEX},
    ),
    "s3: chunks, and a request behind them": own(
        b"0\r\n\r\nDELETE /victim/secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
        {"Transfer-Encoding": "chunked"},
        options={"payload": wire.EMPTY},
        refused=False,
    ),
    "s3: a request behind the body": own(
        b"contentDELETE /victim/secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
        {"Content-Length": "7"},
        options={"payload": HEX},
        refused=False,
    ),
    **{
        f"s3: the transfer {value!r}": put(
            b"7\r\ncontent\r\n0\r\n\r\n", {"Transfer-Encoding": value}, options={"payload": wire.UNSIGNED}
        )
        for value in ("xchunked", "chunked, identity", "identity, chunked", "chunked, chunked", "chunked;q=1")
    },
    "s3: a trailer of HTTP": own(
        b"7\r\ncontent\r\n0\r\nx-amz-copy-source: /victim/secret\r\n\r\n",
        {"Transfer-Encoding": "chunked", "Trailer": "x-amz-copy-source"},
        options={"payload": HEX},
        refused=False,
    ),
    "s3: presigned, another method in a header": s3(
        "GET", "/attacker-mine/k", by="query", after={"headers": {METHODS[0]: "DELETE"}}, refused=False
    ),
    "s3: presigned, a source behind it": s3(
        "PUT", "/attacker-mine/stolen", by="query", after={"headers": {"x-amz-copy-source": "/victim/secret"}}
    ),
    "s3: presigned, another version behind it": s3(
        "GET", "/attacker-mine/k", by="query", after={"query": "&versionId=null"}
    ),
    "s3: presigned, an ACL behind it": s3(
        "PUT", "/attacker-mine/k", by="query", after={"headers": {"x-amz-acl": "public-read"}}
    ),
    "s3: the objects of another in one's own deletion": s3(
        "POST",
        "/attacker-mine?delete",
        b"<Delete><Object><Key>../victim/secret</Key></Object><Object><Key>/victim/secret</Key></Object></Delete>",
        headers={
            "Content-MD5": base64.b64encode(
                hashlib.md5(
                    b"<Delete><Object><Key>../victim/secret</Key></Object><Object><Key>/victim/secret</Key></Object></Delete>"
                ).digest()
            ).decode()
        },
        refused=False,
    ),
    "s3: an entity in a deletion": s3(
        "POST",
        "/attacker-mine?delete",
        b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&e;</Key></Object></Delete>',
        refused=False,
    ),
    **{
        f"s3: {name} of another bucket": s3("GET", f"/victim?{name}", code="AccessDenied")
        for name in (
            "acl",
            "policy",
            "tagging",
            "versions",
            "uploads",
            "cors",
            "lifecycle",
            "logging",
            "list-type=2",
        )
    },
    **{
        f"s3: two of {names}": s3("PUT", f"/attacker-mine/k?{names}", b"<x/>")
        for names in ("acl&tagging", "tagging&retention", "legal-hold&acl")
    },
    "json: a member twice, one escaped": Probe(
        "sagemaker", body=b'{"ModelName": "attacker-mine", "\\u004dodelName": "victim"}', headers=MODEL
    ),
    "json: a member in another case": Probe(
        "sagemaker",
        body=b'{"modelName": "victim", "MODELNAME": "victim", "ModelName": "attacker-mine"}',
        headers=MODEL,
        refused=False,
    ),
    "json: two documents": Probe(
        "sagemaker", body=b'{"ModelName": "attacker-mine"}{"ModelName": "victim"}', headers=MODEL
    ),
    "json: a byte order mark": Probe("sagemaker", body=b'\xef\xbb\xbf{"ModelName": "victim"}', headers=MODEL),
    "json: a list of models": Probe(
        "sagemaker", body=b'{"ModelName": ["attacker-mine", "victim"]}', headers=MODEL
    ),
    "sagemaker: a model's name with a blank": Probe(
        "sagemaker", body=b'{"ModelName": "victim "}', headers=MODEL
    ),
    "sagemaker: a model by its ARN": Probe(
        "sagemaker",
        body=f'{{"ModelName": "arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/victim"}}'.encode(),
        headers=MODEL,
    ),
    "sagemaker: a model below one's own": Probe(
        "sagemaker", body=b'{"ModelName": "attacker-mine/../victim"}', headers=MODEL
    ),
    "sagemaker: two targets in one": Probe(
        "sagemaker",
        headers={**ENDPOINTS, "X-Amz-Target": "SageMaker.ListEndpoints,SageMaker.ListModels"},
        body=b"{}",
    ),
    "sagemaker: a second target, unsigned": Probe(
        "sagemaker", headers=ENDPOINTS, body=b"{}", after={"more": [("X-Amz-Target", "SageMaker.ListModels")]}
    ),
    "sagemaker: a form's content type beside JSON's": Probe(
        "sagemaker",
        headers=ENDPOINTS,
        body=b"Action=DeleteModel&ModelName=victim",
        after={"more": [("Content-Type", FORM["Content-Type"])]},
    ),
    **{  # read as one's own, and sent there
        f"sqs: the queue by victim{sign}": Probe(
            "sqs",
            body=json.dumps(
                {"QueueUrl": f"http://localhost/{ACCOUNT}/victim{sign}/attacker-mine", "MessageBody": "a"}
            ).encode(),
            headers=MESSAGE,
            refused=False,
        )
        for sign in ("?", "#", ";")
    },
    **{
        f"sqs: the queue by {url}": Probe(
            "sqs", body=json.dumps({"QueueUrl": url, "MessageBody": "a"}).encode(), headers=MESSAGE
        )
        for url in (
            f"http://localhost/{ACCOUNT}/victim/../attacker-mine/..",
            f"http://localhost/{ACCOUNT}/attacker-mine/../victim",
            f"http://localhost/{ACCOUNT}/attacker-mine/victim",
            f"http://localhost/{ACCOUNT}/%76ictim",
            f"http://localhost/{ACCOUNT}/victim%00",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:victim",
            "victim",
        )
    },
    **{
        f"sns: the topic {topic}": Probe(
            "sns", body=query("Publish", Version=SNS, TopicArn=topic, Message="attack").encode(), headers=FORM
        )
        for topic in (
            f"arn:aws:sns:us-east-1:{ACCOUNT}:victim",
            f" arn:aws:sns:us-east-1:{ACCOUNT}:victim",
            f"arn:aws:sns:us-east-1:{ACCOUNT}:attacker-mine:../victim",
        )
    },
    **{
        f"lambda: the function {name}": Probe(
            "lambda",
            "PUT",
            f"/2017-10-31/functions/{name}/concurrency",
            b'{"ReservedConcurrentExecutions": 0}',
            code="AccessDenied",
        )
        for name in (
            "victim",
            FUNCTION,
            quote(FUNCTION, safe=""),
            f"{ACCOUNT}:victim",
            f"{ACCOUNT}:function:victim",
            "function:victim",
            "victim:1",
        )
    },
    **{
        f"lambda: the function {name}": Probe(
            "lambda",
            "PUT",
            f"/2017-10-31/functions/{name}/concurrency",
            b'{"ReservedConcurrentExecutions": 0}',
        )
        for name in (
            "attacker-mine/../victim",
            "attacker-mine%2f..%2fvictim",
            "attacker-mine:victim",
            "attacker-mine:function:victim",
            f"{ACCOUNT}:attacker-mine:victim",
            "%76ictim",
        )
    },
    "iam: a role's name with a path": Probe(
        "iam",
        body=f"{query('DeleteRole', RoleName='attacker/../victim')}&Version={IAM}".encode(),
        headers=FORM,
    ),
    "iam: a role's name in another case": Probe(
        "iam", body=f"{query('DeleteRole', RoleName='VICTIM')}&Version={IAM}".encode(), headers=FORM
    ),
    "iam: a role's name with a NUL": Probe(
        "iam", body=f"{query('DeleteRole', RoleName='victim')}%00&Version={IAM}".encode(), headers=FORM
    ),
    "iam: an action in another case": Probe(
        "iam", body=f"action=GetRole&ACTION=DeleteRole&RoleName=victim&Version={IAM}".encode(), headers=FORM
    ),
    "iam: fields parted by semicolons": Probe(
        "iam", body=f"{READ_ROLE};Action=DeleteRole;RoleName=victim&Version={IAM}".encode(), headers=FORM
    ),
    "iam: an action that is a list": Probe(
        "iam",
        body=f"Action.1=DeleteRole&Action[]=DeleteRole&RoleName=victim&Version={IAM}".encode(),
        headers=FORM,
    ),
    "iam: a method in a header": Probe(
        "iam", "GET", f"/?{READ_ROLE}&Version={IAM}", headers={METHODS[0]: "DELETE"}, refused=False
    ),
    "iam: a version of another service": Probe(
        "iam", body=f"{query('CreateTopic', Name='made-by-attack')}&Version={SNS}".encode(), headers=FORM
    ),
    "sts: a longer session than a chain may have": Probe(
        "sts",
        body=query(
            "AssumeRole",
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
            RoleSessionName="chained",
            DurationSeconds="3601",
            Version=STS,
        ).encode(),
        headers=FORM,
    ),
    "sts: a session of a role that trusts another": Probe(
        "sts",
        body=query(
            "AssumeRole", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/victim", RoleSessionName="x", Version=STS
        ).encode(),
        headers=FORM,
        code="AccessDenied",
    ),
}
PROBES: dict[str, Probe] = {
    **QUERY_API,
    **JSON_API,
    **S3_HOSTS,
    **S3_TARGETS,
    **SIGNATURES,
    **ORIGINS,
    **WIRE,
}


@dataclass
class World:
    port: int
    keys: wire.Keys
    state: Callable[[str], Any]
    last: dict[str, Any] = field(default_factory=dict)  # the state after a service's last probe

    def ask(self, probe: Probe) -> tuple[int, bytes]:
        """Sign a probe, change what it says is changed, and send it."""
        headers = {"Host": f"127.0.0.1:{self.port}", **probe.headers}
        target, options, body = probe.target, dict(probe.options), probe.body
        if isinstance(options.get("date"), int):
            options["date"] = wire.stamp(options["date"])
        if probe.by == "query":
            target = wire.by_query(self.keys, probe.service, probe.method, target, headers, **options)
        elif probe.by == "header":
            headers = wire.by_header(self.keys, probe.service, probe.method, target, headers, body, **options)
        before, after = probe.after.get("replace", ("", ""))
        target = (probe.after.get("target") or target).replace(before, after) + probe.after.get("query", "")
        headers |= probe.after.get("headers", {})
        lines = [*headers.items(), *probe.after.get("more", [])]
        return wire.send(self.port, probe.method, target, lines, probe.after.get("body", body))


@pytest.fixture(scope="module")
def world(client: Client, role: Any, service: lifecycle.Status) -> Iterator[World]:
    """A victim's resources, and a role that may only do something else."""
    buckets, queue = client("s3"), client("sqs")
    for name in ["victim", *MINE]:
        buckets.create_bucket(Bucket=name)
        buckets.put_object(Bucket=name, Key="k", Body=b"the attacker's")
    buckets.put_object(Bucket="victim", Key="secret", Body=SECRET)
    buckets.put_bucket_policy(
        Bucket="attacker-mine",
        Policy=document(
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::attacker-mine/public",
            }
        ),
    )
    buckets.put_object(Bucket="attacker-mine", Key="public", Body=b"public")
    urls = {name: queue.create_queue(QueueName=name)["QueueUrl"] for name in ("victim", "attacker-mine")}
    topics = [client("sns").create_topic(Name=name)["TopicArn"] for name in ("victim", "attacker-mine")]
    client("iam").create_role(
        RoleName="victim",
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "sts:AssumeRole",
            }
        ),
    )
    client("sagemaker").create_model(
        ModelName="victim",
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/victim",
        PrimaryContainer={"Image": SECRET.decode().lower(), "ModelDataUrl": "s3://victim/model.tar.gz"},
    )
    alarm = {"MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1}
    client("cloudwatch").put_metric_alarm(
        AlarmName="victim", Statistic="Sum", ComparisonOperator="LessThanThreshold", **alarm
    )
    for name in ("victim", "attacker-mine"):
        client("logs").create_log_group(logGroupName=name)
        client("logs").create_log_stream(logGroupName=name, logStreamName=f"stream-of-{name}")
    keys = role(
        ROLE,
        statement(["iam:GetRole", "iam:DeleteRole"], f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"),
        statement("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"),
        statement(
            [
                "ec2:DescribeVpcs",
                "sns:ListTopics",
                "cloudwatch:ListMetrics",
                "sagemaker:ListEndpoints",
                "lambda:ListFunctions",
            ],
            "*",
        ),
        statement("s3:*Object*", [f"arn:aws:s3:::{name}/*" for name in MINE]),
        statement("s3:GetBucketLocation", "arn:aws:s3:::victim"),
        statement("sns:Publish", f"arn:aws:sns:us-east-1:{ACCOUNT}:attacker-mine"),
        statement("lambda:*", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:attacker-mine"),
        statement("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:attacker-mine"),
        statement("sagemaker:DescribeModel", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/attacker-mine"),
        statement("logs:DescribeLogStreams", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:attacker-mine:*"),
    )

    def state(service: str) -> Any:
        """Return what must stay as it is: the bucket's, and the called service's."""
        s3, iam = client("s3"), client("iam")
        with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
            s3.get_bucket_policy(Bucket="victim")
        written = s3.list_objects_v2(Bucket="attacker-mine").get("Contents", [])
        objects = s3.list_objects_v2(Bucket="victim")["Contents"]
        kept = [
            [(item["Key"], item["ETag"]) for item in objects],
            [item["Key"] for item in written if item["Key"] in ("guarded", "stolen", "k")],
            [item["Key"] for item in written if item["ETag"] == f'"{SECRET_MD5}"'],
        ]
        if service in ("iam", "sts"):
            kept += [
                iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"],
                [user["UserName"] for user in iam.list_users()["Users"]],
                iam.get_role(RoleName="victim")["Role"]["RoleId"],
                iam.get_role(RoleName=ROLE)["Role"]["RoleId"],
            ]
        elif service == "sns":
            kept.append([item["TopicArn"] for item in client("sns").list_topics()["Topics"]])
        elif service == "ec2":
            kept.append([item["KeyName"] for item in client("ec2").describe_key_pairs()["KeyPairs"]])
        elif service == "monitoring":
            alarms = client("cloudwatch").describe_alarms(AlarmNames=["victim"])["MetricAlarms"]
            kept.append([alarm["AlarmName"] for alarm in alarms])
        elif service == "sagemaker":
            kept.append(client("sagemaker").describe_model(ModelName="victim")["ModelArn"])
        elif service == "sqs":
            attributes = queue.get_queue_attributes(QueueUrl=urls["victim"], AttributeNames=["All"])
            kept.append(attributes["Attributes"]["ApproximateNumberOfMessages"])
        return kept

    yield World(service.port, wire.Keys.of(keys), state)
    for name in ["victim", *MINE]:
        for item in buckets.list_objects_v2(Bucket=name).get("Contents", []):
            buckets.delete_object(Bucket=name, Key=item["Key"])
        buckets.delete_bucket(Bucket=name)
    for topic in topics:
        client("sns").delete_topic(TopicArn=topic)
    for url in urls.values():
        queue.delete_queue(QueueUrl=url)
    client("sagemaker").delete_model(ModelName="victim")
    client("cloudwatch").delete_alarms(AlarmNames=["victim"])


@pytest.mark.parametrize("name", PROBES)
def test_nothing_but_what_is_allowed_is_done(name: str, world: World) -> None:
    probe = PROBES[name]
    if probe.service not in world.last:
        world.last[probe.service] = world.state(probe.service)
    before = world.last[probe.service]
    try:
        status, content = world.ask(probe)
    except http.client.HTTPException:
        pytest.fail("the connection was cut without a response")
    assert status < 500 or (status == 501 and probe.unimplemented), content
    assert SECRET.lower() not in content.lower()
    assert b"stream-of-victim" not in content
    assert b"AccessKeyId>ASIA" not in content or "sts" not in probe.service
    if probe.refused:
        assert status >= 400, content
    if probe.code:
        assert probe.code.encode() in content
    after = world.last[probe.service] = world.state(probe.service)
    assert after == before
