"""The tasks about costs: what is printed of a plan, and what a refresh writes into the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from kennel.aws import price_list
from kennel.capacity import prices
from kennel.commands import cost

ROWS = """region,service,item,unit,dollars,date,source
us-east-1,kms,key,month,1,2020-01-02,https://x
us-east-1,sagemaker,hosting/ml.m5.large,hour,0.1,2020-01-02,https://x
us-east-1,sns,e-mail,message,0.00002,2020-01-02,https://x
us-east-1,vpc,interface endpoint,hour,0.01,2020-01-02,https://x
"""


def values(*kinds: str, asleep: bool = False) -> dict[str, Any]:
    resources = [{"address": f"{kind}.this", "mode": "managed", "type": kind, "values": {}} for kind in kinds]
    return {
        "outputs": {"endpoint": {"value": {"asleep": asleep}}},
        "root_module": {"resources": resources},
    }


def test_a_plan_says_what_it_changes_in_a_month(capsys: pytest.CaptureFixture[str]) -> None:
    now, later = values("aws_kms_key", "aws_sns_topic"), values("aws_kms_key", "aws_nothing_known")
    document = {"prior_state": {"values": now}, "planned_values": later}

    month = cost.month_difference(document, "dev", "us-east-1")

    assert (month["before"], month["after"], month["difference"]) == (2.0, 2.0, 0.0)
    assert month["unknown"] == {"aws_nothing_known.this": ["aws_nothing_known is not classified"]}
    printed = capsys.readouterr().err
    assert "a month: 0.00 dollars, 2.00 before and 2.00 after; not known: aws_nothing_known.this" in printed
    first = cost.month_difference({"planned_values": later}, "dev", "us-east-1")
    assert (first["before"], first["difference"]) == (0.0, 2.0)


def test_a_plan_in_a_region_without_prices_says_how_to_get_them(capsys: pytest.CaptureFixture[str]) -> None:
    cost.month_difference({"planned_values": values("aws_kms_key")}, "dev", "eu-north-1")
    assert "no prices of eu-north-1, run ./kennel cost.refresh --region eu-north-1" in capsys.readouterr().err


def listed(usage: str, dollars: str, unit: str) -> dict[str, Any]:
    """Return an answer of GetProducts with one product."""
    dimension = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": dollars}}
    product = {
        "product": {"sku": "SKU1", "attributes": {"usagetype": usage}},
        "terms": {"OnDemand": {"T": {"priceDimensions": {"D": dimension}}}},
    }
    return {"FormatVersion": "aws_v1", "PriceList": [json.dumps(product)]}


def test_a_refresh_writes_what_aws_answers_and_names_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "prices.csv"
    table.write_text(ROWS, encoding="utf-8")
    client = boto3.client(
        "pricing", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    monkeypatch.setattr(prices, "TABLE", table)
    monkeypatch.setattr(price_list, "client", lambda: client)
    with Stubber(client) as stubber:
        stubber.add_response("get_products", listed("us-east-1-KMS-Keys", "1.0000000000", "Keys"))
        stubber.add_response("get_products", listed("USE1-Host:ml.m5.large", "0.1150000000", "Hrs"))
        stubber.add_response("get_products", {"PriceList": []})
        with pytest.raises(SystemExit) as ended:
            run("cost.refresh", "--json")

    assert not ended.value.code
    document = json.loads(capsys.readouterr().out)
    assert (document["read"], document["unanswered"], document["unasked"]) == (
        2,
        ["vpc interface endpoint"],
        ["sns e-mail"],
    )
    assert [(change["item"], change["before"], change["after"]) for change in document["changed"]] == [
        ("hosting/ml.m5.large", 0.1, 0.115)
    ]
    key, hosting, email, endpoint = prices.read(table)
    assert hosting.source == "https://api.pricing.us-east-1.amazonaws.com AmazonSageMaker SKU1"
    assert hosting.date == key.date > email.date == endpoint.date


def run(*words: str) -> None:
    from kennel.__main__ import main

    main(["kennel", *words])
    raise SystemExit(0)
