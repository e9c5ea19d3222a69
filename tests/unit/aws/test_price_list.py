"""Prices from the Price List API, whose answers botocore checks against AWS's model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from kennel.aws import StackError, price_list
from kennel.aws.price_list import Listed, Query

HOSTING = Query("AmazonSageMaker", "Host:ml.m5.large", price_list.HOUR)


def product(usage: str, *dimensions: dict[str, Any], sku: str = "SKU1") -> str:
    """Return a product as `GetProducts` returns it, a JSON text."""
    return json.dumps(
        {
            "product": {"sku": sku, "attributes": {"usagetype": usage, "regionCode": "us-east-1"}},
            "serviceCode": "AmazonSageMaker",
            "terms": {"OnDemand": {f"{sku}.T": {"priceDimensions": dict(enumerate(dimensions))}}},
            "version": "20260924235959",
            "publicationDate": "2026-09-24T23:59:59Z",
        }
    )


def dimension(dollars: str, unit: str = "Hrs", begin: str = "0") -> dict[str, Any]:
    return {"unit": unit, "beginRange": begin, "endRange": "Inf", "pricePerUnit": {"USD": dollars}}


@pytest.fixture
def pricing(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Stubber]]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    client = boto3.client(
        "pricing", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    with Stubber(client) as stubber:
        yield client, stubber


def test_a_price_is_that_of_the_usage_type_whatever_the_regions_prefix(pricing: tuple[Any, Stubber]) -> None:
    client, stubber = pricing
    asked = {
        "ServiceCode": "AmazonSageMaker",
        "FormatVersion": "aws_v1",
        "Filters": [
            {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"},
            {"Type": "CONTAINS", "Field": "usagetype", "Value": "Host:ml.m5.large"},
        ],
    }
    first = [product("USE1-Host:ml.m5.large", dimension("0.1150000000"))]
    # What merely contains the usage type is another price: async inference, another size.
    second = [
        product("USE1-AsyncHost:ml.m5.large", dimension("9")),
        product("USE1-Host:ml.m5.large.old", dimension("9")),
    ]
    stubber.add_response("get_products", {"PriceList": first, "NextToken": "more"}, asked)
    stubber.add_response("get_products", {"PriceList": second}, {**asked, "NextToken": "more"})
    assert price_list.find(client, HOSTING, "us-east-1") == Listed(0.115, "SKU1", "AmazonSageMaker")


def test_the_first_tier_counts_and_another_unit_does_not(pricing: tuple[Any, Stubber]) -> None:
    client, stubber = pricing
    query = price_list.query("vpc", "interface endpoint data")
    assert query is not None
    tiers = [dimension("0.01", "GB"), dimension("0.006", "GB", "1048576"), dimension("5", "Hrs")]
    stubber.add_response("get_products", {"PriceList": [product("EUC1-VpcEndpoint-Bytes", *tiers)]})
    listed = price_list.find(client, query, "eu-central-1")
    assert listed is not None
    assert listed.dollars == 0.01


def test_two_prices_that_differ_are_none(pricing: tuple[Any, Stubber]) -> None:
    client, stubber = pricing
    products = [
        product("Host:ml.m5.large", dimension("0.1")),
        product("Host:ml.m5.large", dimension("0.2"), sku="SKU2"),
    ]
    stubber.add_response("get_products", {"PriceList": products})
    stubber.add_response("get_products", {"PriceList": []})
    assert price_list.find(client, HOSTING, "us-east-1") is None
    assert price_list.find(client, HOSTING, "us-east-1") is None


def test_a_refusal_names_the_permission(pricing: tuple[Any, Stubber]) -> None:
    client, stubber = pricing
    stubber.add_client_error("get_products", "AccessDeniedException", "no", 400)
    with pytest.raises(StackError, match=r"does not answer.*AccessDenied.*pricing:GetProducts"):
        price_list.find(client, HOSTING, "us-east-1")


def test_instances_are_linux_on_shared_hardware() -> None:
    query = price_list.query("ec2", "instance/m5.xlarge")
    assert query is not None
    assert query.usage == "BoxUsage:m5.xlarge"
    assert dict(query.attributes)["operatingSystem"] == "Linux"
    assert price_list.query("sns", "e-mail") is None
    assert price_list.query("sagemaker", "hosting data") is None


def test_prices_are_asked_of_aws_and_with_credentials_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    with pytest.raises(StackError, match="unset AWS_ENDPOINT_URL"):
        price_list.client()
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StackError, match=r"no AWS credentials.*pricing:GetProducts"):
        price_list.client()
