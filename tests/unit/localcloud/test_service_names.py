"""Which service a request is for, where the name in its signature is not botocore's or stands for several."""

from __future__ import annotations

import io
from typing import Any

import pytest

from kennel.localcloud.protocol.service_names import service_of


def rest(method: str, path: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }


def json_of(target: str) -> dict[str, Any]:
    return {**rest("POST", "/"), "HTTP_X_AMZ_TARGET": target}


def form(action: str, version: str) -> dict[str, Any]:
    body = f"Action={action}&Version={version}".encode()
    return {**rest("POST", "/"), "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}


@pytest.mark.parametrize(
    ("signed_for", "environ", "service"),
    [
        ("tagging", json_of("ResourceGroupsTaggingAPI_20170126.GetResources"), "resourcegroupstaggingapi"),
        ("elasticfilesystem", rest("GET", "/2015-02-01/file-systems"), "efs"),
        ("ses", rest("POST", "/v2/email/outbound-emails"), "sesv2"),
        ("ses", form("SendEmail", "2010-12-01"), "ses"),
        ("elasticloadbalancing", form("CreateLoadBalancer", "2012-06-01"), "elb"),
        ("elasticloadbalancing", form("CreateLoadBalancer", "2015-12-01"), "elbv2"),
        ("bedrock", rest("POST", "/model/a.model/converse"), "bedrock-runtime"),
        ("bedrock", rest("GET", "/foundation-models"), "bedrock"),
        ("dynamodb", json_of("DynamoDBStreams_20120810.ListStreams"), "dynamodbstreams"),
        ("dynamodb", json_of("DynamoDB_20120810.GetItem"), "dynamodb"),
        ("sagemaker", rest("POST", "/endpoints/e/invocations"), "sagemaker-runtime"),
        ("sagemaker", rest("PUT", "/FeatureGroup/g"), "sagemaker-featurestore-runtime"),
        ("sagemaker", json_of("SageMaker.ListEndpoints"), "sagemaker"),
        ("sagemaker", json_of("SageMaker.NoSuchOperation"), "sagemaker"),
        ("s3", rest("GET", "/v20180820/jobs"), "s3control"),
        ("s3", rest("GET", "/bucket/jobs"), "s3"),
        ("apigateway", rest("GET", "/v2/apis"), "apigatewayv2"),
        ("apigateway", rest("GET", "/restapis"), "apigateway"),
        ("sqs", json_of("AmazonSQS.ListQueues"), "sqs"),
    ],
)
def test_the_service_is_the_one_that_has_the_operation(
    signed_for: str, environ: dict[str, Any], service: str
) -> None:
    assert service_of(signed_for, environ) == service
