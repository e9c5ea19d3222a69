"""Which service a request is for: its signature names AWS's name of it, which several services may share."""

from __future__ import annotations

from urllib.parse import parse_qs

from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from kennel.localcloud.protocol.messages import AwsError, Environ, read_body

# botocore's names by the signing name, where it differs or several share it. The first is that of a request
# that none of them knows.
SERVICES: dict[str, tuple[str, ...]] = {
    "access-analyzer": ("accessanalyzer",),
    "airflow": ("mwaa",),
    "aoss": ("opensearchserverless",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "aps": ("amp",),
    "bedrock": ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
    "cassandra": ("keyspaces",),
    "cloudcontrolapi": ("cloudcontrol",),
    "connect": ("connect", "connect-contact-lens"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "email": ("ses", "sesv2"),
    "es": ("opensearch", "es"),
    "eventbridge": ("events",),
    "geo": ("location",),
    "iotdata": ("iot-data",),
    "kinesisanalytics": ("kinesisanalyticsv2", "kinesisanalytics"),
    "lex": ("lexv2-models", "lex-models", "lexv2-runtime", "lex-runtime"),
    "mobiletargeting": ("pinpoint",),
    "monitoring": ("cloudwatch",),
    "personalize": ("personalize", "personalize-events", "personalize-runtime"),
    "s3": ("s3", "s3control"),
    "sagemaker": (
        "sagemaker",
        "sagemaker-runtime",
        "sagemaker-metrics",
        "sagemaker-featurestore-runtime",
        "sagemaker-a2i-runtime",
    ),
    "servicequotas": ("service-quotas",),
    "ses": ("ses", "sesv2"),
    "sso": ("sso-admin",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "timestream": ("timestream-write", "timestream-query"),
}
TARGET = "HTTP_X_AMZ_TARGET"
CONTROL_PATH = "/v20180820/"  # S3 itself takes any path for a bucket's


def service_of(signing_name: str, environ: Environ) -> str:
    """Return botocore's name of the service that a request is for.

    Raises
    ------
    AwsError
        Its header and its path name operations of two services.
    """
    services = SERVICES.get(signing_name, (signing_name,))
    if signing_name == "s3":
        return services[1] if environ.get("PATH_INFO", "").startswith(CONTROL_PATH) else services[0]
    if len(services) == 1 or "REQUEST_METHOD" not in environ:
        return services[0]
    if environ.get("PATH_INFO") == "/" and _names(services[0], environ):
        return services[0]  # what the header of a target names, and no path
    known = [service for service in services if _knows(service, environ)]
    if len(known) > 1 and TARGET in environ:
        raise AwsError("InvalidAction", f"The request names operations of {' and of '.join(known)}.", 400)
    return next(iter(known), services[0])


def _names(service: str, environ: Environ) -> bool:
    """Return whether the target in a request's header is an operation of a service."""
    model = get_service_model(service)
    prefix, _, name = environ.get(TARGET, "").partition(".")
    return prefix != "" and prefix == model.metadata.get("targetPrefix") and name in model.operation_names


def _knows(service: str, environ: Environ) -> bool:
    """Return whether a service has the operation that a request names, in a header, its form or its path."""
    model = get_service_model(service)
    if "targetPrefix" in model.metadata:
        return _names(service, environ)
    if "query" in model.metadata.get("protocols", [model.protocol]):
        form = parse_qs(read_body(environ).decode("utf-8", "replace"))
        return (
            form.get("Version") == [model.api_version]
            and form.get("Action", [""])[0] in model.operation_names
        )
    try:
        get_service_router(service).match(Request({**environ, "CONTENT_TYPE": ""}))
    except (HTTPException, NotImplementedError, ValueError):
        return False
    return True
