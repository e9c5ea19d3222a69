"""Requests by plain HTTP that functions answer: those to function URLs, and those to APIs."""

from __future__ import annotations

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import Environ, Response
from kennel.localcloud.services.api_gateway.addresses import api_of
from kennel.localcloud.services.api_gateway.invocation import cors_of_api, respond_to_api
from kennel.localcloud.services.lambda_.url_invocation import cors_of_url, respond_to_url, url_id_of


def respond(cloud: Cloud, environ: Environ) -> Response | None:
    """Answer a request to a function URL or an API; None if it is to neither."""
    url_id = url_id_of(environ)
    if url_id:
        return respond_to_url(cloud, url_id, environ)
    api = api_of(environ)
    return respond_to_api(cloud, api, environ) if api else None


def lets_page_call(cloud: Cloud, environ: Environ) -> bool:
    """Whether the page that sends a request is of an origin that its function URL or API names."""
    url_id, api = url_id_of(environ), api_of(environ)
    cors = cors_of_url(cloud, url_id) if url_id else cors_of_api(cloud, api) if api else None
    return cors is not None and cors.allows(environ)
