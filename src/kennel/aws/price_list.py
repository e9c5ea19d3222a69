"""Asks AWS's Price List API for prices: those of this project's table that the API has by a usage type.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kennel.aws import StackError, session

ENDPOINT_REGION = "us-east-1"  # the API is in a few regions only, and has the prices of all
FIRST_TIER = "0"


@dataclass(frozen=True)
class Query:
    """How one price is found.

    Parameters
    ----------
    code
        AWS's code of the service.
    usage
        The usage type without a region's prefix: ``Host:ml.m5.large`` for ``USE1-Host:ml.m5.large``.
    units
        The units in which the table's price may come, in small letters.
    attributes
        Others that the product must have.
    """

    code: str
    usage: str
    units: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Listed:
    """A price as AWS lists it.

    Parameters
    ----------
    dollars
        A unit, of the first tier where there are several.
    sku
        AWS's number of the product.
    """

    dollars: float
    sku: str
    code: str


HOUR, SECOND, GB_MONTH, GB = ("hrs", "hours", "hour"), ("seconds", "second"), ("gb-mo",), ("gb",)
_LINUX = (
    ("operatingSystem", "Linux"),
    ("preInstalledSw", "NA"),
    ("tenancy", "Shared"),
    ("capacitystatus", "Used"),
)
# Items that stand for many: what follows the slash is a part of the usage type.
_FAMILIES: dict[tuple[str, str], tuple[str, str, tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    ("ec2", "instance"): ("AmazonEC2", "BoxUsage:", HOUR, _LINUX),
    ("ec2", "volume"): ("AmazonEC2", "EBS:VolumeUsage.", GB_MONTH, ()),
    ("sagemaker", "hosting"): ("AmazonSageMaker", "Host:", HOUR, ()),
    ("sagemaker", "notebook"): ("AmazonSageMaker", "Notebk:", HOUR, ()),
    ("sagemaker", "serverless"): ("AmazonSageMaker", "ServerlessInf:Mem-", SECOND, ()),
    ("sagemaker", "training"): ("AmazonSageMaker", "Train:", HOUR, ()),
}
_SINGLE = {
    ("cloudwatch", "alarm"): Query("AmazonCloudWatch", "CW:AlarmMonitorUsage", ("alarms",)),
    ("cloudwatch", "alarm, high resolution"): Query(
        "AmazonCloudWatch", "CW:HighResAlarmMonitorUsage", ("alarms",)
    ),
    ("cloudwatch", "log ingestion"): Query("AmazonCloudWatch", "DataProcessing-Bytes", GB),
    ("cloudwatch", "log storage"): Query("AmazonCloudWatch", "TimedStorage-ByteHrs", GB_MONTH),
    ("cloudwatch", "metric"): Query("AmazonCloudWatch", "CW:MetricMonitorUsage", ("metrics",)),
    ("kms", "key"): Query("awskms", "KMS-Keys", ("keys", "key")),
    ("kms", "request"): Query("awskms", "KMS-Requests", ("requests", "request")),
    ("lambda", "duration"): Query("AWSLambda", "Lambda-GB-Second", ("lambda-gb-second", "second")),
    ("lambda", "request"): Query("AWSLambda", "Request", ("requests", "request")),
    ("s3", "get request"): Query("AmazonS3", "Requests-Tier2", ("requests",)),
    ("s3", "put request"): Query("AmazonS3", "Requests-Tier1", ("requests",)),
    ("s3", "storage"): Query("AmazonS3", "TimedStorage-ByteHrs", GB_MONTH),
    ("sagemaker", "hosting volume"): Query("AmazonSageMaker", "Host:VolumeUsage.gp2", GB_MONTH),
    ("sagemaker", "notebook volume"): Query("AmazonSageMaker", "Notebk:VolumeUsage.gp2", GB_MONTH),
    ("sagemaker", "training volume"): Query("AmazonSageMaker", "Train:VolumeUsage.gp2", GB_MONTH),
    ("vpc", "interface endpoint"): Query("AmazonVPC", "VpcEndpoint-Hours", HOUR),
    ("vpc", "interface endpoint data"): Query("AmazonVPC", "VpcEndpoint-Bytes", GB),
}


def query(service: str, item: str) -> Query | None:
    """Return how a price of the table is found; None if it has to be read on AWS's pages."""
    family, slash, variety = item.partition("/")
    if slash and (known := _FAMILIES.get((service, family))):
        code, usage, units, attributes = known
        return Query(code, usage + variety, units, attributes)
    return _SINGLE.get((service, item))


def client() -> Any:
    """Return a client of the Price List API.

    Raises
    ------
    StackError
        This shell points at a local cloud, which has no prices, or has no credentials.
    """
    import boto3

    if session.endpoint_url():
        raise StackError(
            f"AWS_ENDPOINT_URL is {session.endpoint_url()}, but prices come from AWS: unset AWS_ENDPOINT_URL"
        )
    shell = boto3.Session()
    if shell.get_credentials() is None:
        raise StackError(
            "there are no AWS credentials, without which the Price List API does not answer: use some with "
            "the permission pricing:GetProducts, for instance after aws sso login"
        )
    return shell.client("pricing", region_name=ENDPOINT_REGION)


def find(pricing: Any, query: Query, region: str) -> Listed | None:
    """Return a price in a region; None if AWS lists none, or several that differ.

    Raises
    ------
    StackError
        The API refuses; the text has its reason and the permission that it needs.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    fields = {"regionCode": region, **dict(query.attributes)}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()]
    filters.append({"Type": "CONTAINS", "Field": "usagetype", "Value": query.usage})
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode=query.code, Filters=filters, FormatVersion="aws_v1"
    )
    try:
        products = [json.loads(text) for page in pages for text in page.get("PriceList", [])]
    except (ClientError, BotoCoreError) as error:
        raise StackError(
            f"the Price List API does not answer: {error}; use credentials with pricing:GetProducts"
        ) from error
    listed = {price for product in products for price in _prices(product, query)}
    return listed.pop() if len({price.dollars for price in listed}) == 1 else None


def _prices(product: dict[str, Any], query: Query) -> Iterator[Listed]:
    """Yield the prices on demand of one product, if it is the one."""
    attributes = product["product"]["attributes"]
    usage = attributes.get("usagetype", "")
    # Prefixes are USE1-, EUC1-, …, for keys us-east-1-, and in us-east-1 often none.
    if not re.fullmatch(rf"(?:[A-Za-z0-9-]+-)?{re.escape(query.usage)}", usage):
        return
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            dollars = dimension["pricePerUnit"].get("USD")
            first = dimension.get("beginRange", FIRST_TIER) == FIRST_TIER
            if dollars is not None and first and dimension["unit"].lower() in query.units:
                yield Listed(float(dollars), product["product"]["sku"], query.code)
