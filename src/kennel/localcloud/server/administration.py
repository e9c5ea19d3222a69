"""The administrative paths below ``/_kennel/``: the status, the audit log, and what `admin_action` registers.

They move the clock, read who called what, and sign the tokens of identity providers. So they answer the
operator alone, whose requests carry a Signature Version 4 for the service ``kennel``. Who can merely connect
to the port, such as another user of the machine, learns that a local cloud runs there, its process id and its
time.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import parse_qsl

from moto.core.exceptions import ServiceException

from kennel.localcloud import ADMINISTRATION, OPERATOR_ACCESS_KEY
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import admin_action_of
from kennel.localcloud.protocol import signature_rules
from kennel.localcloud.protocol.messages import AwsError, Environ, Response, read_body, text_response
from kennel.localcloud.protocol.signature import read_signature
from kennel.localcloud.protocol.sigv4 import verify

PREFIX = "/_kennel/"
REMEDY = (
    'This path answers the operator: curl --aws-sigv4 "aws:amz:us-east-1:kennel" '
    '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY", with what ./kennel local.env prints.'
)


def respond(cloud: Cloud, environ: Environ) -> Response:
    """Respond to a request below `PREFIX`."""
    name, method = environ["PATH_INFO"].removeprefix(PREFIX), environ["REQUEST_METHOD"]
    try:
        by_operator = _is_of_operator(cloud, environ)
    except ServiceException as error:
        return text_response(403, f"{error.message} {REMEDY}")
    if not by_operator:
        if name == "status" and method in ("GET", "HEAD"):
            return _json({"ready": True, "pid": os.getpid(), **_now(cloud)})
        return text_response(403, REMEDY)
    action = admin_action_of(name)
    if action and method == "POST":
        return action(cloud, dict(parse_qsl(environ.get("QUERY_STRING", ""))))
    if action or method not in ("GET", "HEAD"):
        return text_response(405, f"This path answers {'POST' if action else 'GET'} only.")
    if name == "status":
        return _json({**cloud.status(), **_now(cloud)})
    if name == "audit-log":
        try:
            content = cloud.audit_log.path.read_bytes()
        except OSError as error:
            return text_response(500, f"The audit log could not be read: {error}")
        return Response(200, [("Content-Type", "application/x-ndjson")], content)
    return text_response(404, f"There is no {PREFIX}{name}; there are {PREFIX}status and {PREFIX}audit-log.")


def _now(cloud: Cloud) -> dict[str, str]:
    """Return the time by the cloud's clock, which metrics have: whoever reads them has to know it."""
    return {"now": cloud.clock.now().isoformat()}


def _is_of_operator(cloud: Cloud, environ: Environ) -> bool:
    """Return whether the operator signed a request; False if nobody did.

    Raises
    ------
    AwsError
        Its signature is another's, for another service, too old, or not right.
    """
    signature = read_signature(environ)
    if signature is None:
        return False
    if (signature.access_key, signature.service, signature.style) != (
        OPERATOR_ACCESS_KEY,
        ADMINISTRATION,
        "header",
    ):
        raise AwsError("AccessDenied", "The signature is not the operator's for the service kennel.", 403)
    signature_rules.check(signature, environ)
    verify(signature, cloud.operator_secret, environ, read_body(environ))
    return True


def _json(document: Any) -> Response:
    return Response(200, [("Content-Type", "application/json")], json.dumps(document).encode())
