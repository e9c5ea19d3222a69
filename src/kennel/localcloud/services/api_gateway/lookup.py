"""The APIs of a region, by their ids."""

from __future__ import annotations

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.services.api_gateway.http import HttpApi
from kennel.localcloud.services.api_gateway.rest import RestApi
from kennel.localcloud.services.api_gateway.served import ServedApi


def served_api(cloud: Cloud, api_id: str) -> ServedApi | None:
    """Return what a region serves of an API; None if it has none of that id."""
    from moto.apigateway.models import apigateway_backends
    from moto.apigatewayv2.models import apigatewayv2_backends

    record = apigatewayv2_backends[cloud.account][cloud.region].apis.get(api_id)
    if record:
        return HttpApi(record)
    if api_id in apigateway_backends[cloud.account][cloud.region].apis:
        return RestApi(cloud, apigateway_backends[cloud.account][cloud.region].apis[api_id])
    return None
