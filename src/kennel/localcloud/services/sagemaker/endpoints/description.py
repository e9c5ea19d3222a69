"""Endpoints as DescribeEndpoint shows them: variants' counts and weights, and the deployment under way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints.plans import COUNTS, WEIGHTS, EndpointPlan


def find_endpoint(call: Call) -> Any:
    """Return moto's record of a call's endpoint.

    Raises
    ------
    AwsError
        There is none.
    """
    name = call.parameters["EndpointName"]
    endpoint = call.backend("sagemaker").endpoints.get(name)
    if endpoint is None:
        arn = call.arn(f"endpoint/{name}", "sagemaker")
        raise AwsError("ValidationException", f'Could not find endpoint "{arn}".')
    return endpoint


def find_config(call: Call) -> Any:
    """Return moto's record of a call's endpoint configuration.

    Raises
    ------
    AwsError
        There is none.
    """
    name = call.parameters["EndpointConfigName"]
    config = call.backend().endpoint_configs.get(name)
    if config is None:
        arn = call.arn(f"endpoint-config/{name}")
        raise AwsError("ValidationException", f'Could not find endpoint configuration "{arn}".')
    return config


def capture_summary(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the DataCaptureConfigSummary of a DataCaptureConfig."""
    enabled = bool(config.get("EnableCapture"))
    summary = {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
    }
    return summary | {name: config[name] for name in ("KmsKeyId",) if config.get(name)}


def pending_summary(
    plan: EndpointPlan, started: datetime, now: datetime, stage: str, counts: Mapping[str, int]
) -> dict[str, Any]:
    """Return the PendingDeploymentSummary of a deployment under way.

    Parameters
    ----------
    plan, started
        What comes up, and since when.
    now, stage
        The time, and the status of its variants since then: Creating, ActivatingTraffic, Baking or Deleting.
    counts
        The instances that each variant has by now.
    """
    status = {"Status": stage, "StartTime": now}
    variants = [
        {
            **{name: value for name, value in description.items() if name not in COUNTS},
            **(
                {}
                if variant.serverless
                else {
                    "CurrentInstanceCount": counts.get(variant.name, 0),
                    "DesiredInstanceCount": variant.count,
                    "InstanceType": variant.instance_type,
                }
            ),
            "VariantStatus": [status],
        }
        for variant, description in zip(plan.variants, plan.descriptions, strict=True)
    ]
    return {"EndpointConfigName": plan.configuration, "ProductionVariants": variants, "StartTime": started}


def retain(variants: list[dict[str, Any]], before: list[dict[str, Any]], excluded: set[str]) -> None:
    """Give variants the counts and weights that they had before, but for the excluded properties."""
    old = {variant["VariantName"]: variant for variant in before}
    kept = (COUNTS if "DesiredInstanceCount" not in excluded else ()) + (
        WEIGHTS if "DesiredWeight" not in excluded else ()
    )
    for variant in variants:
        for member in kept:
            if member in variant and old.get(variant["VariantName"], {}).get(member) is not None:
                variant[member] = old[variant["VariantName"]][member]
