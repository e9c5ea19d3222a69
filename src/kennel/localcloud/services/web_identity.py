"""Tokens of OpenID Connect providers, which the local cloud signs in their stead.

On AWS, GitHub gives a workflow's job its token. Here a rehearsal, a test or a person asks for one, signed as
docs/local-cloud.md shows: ``POST /_kennel/web-identity/token?issuer=https://…&audience=…&subject=…``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from kennel.localcloud.authorization.web_identity import Issuer
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import admin_action
from kennel.localcloud.protocol.messages import Response

SECONDS, LONGEST = 3600, 86400


@admin_action("web-identity/token")
def token(cloud: Cloud, query: Mapping[str, str]) -> Response:
    """Sign a token.

    Parameters
    ----------
    cloud
        The local cloud.
    query
        ``issuer``, ``audience`` and ``subject``, as the token is to say them; ``seconds`` of its validity.
    """
    missing = [name for name in ("issuer", "audience", "subject") if not query.get(name)]
    if missing:
        return _response(400, {"ok": False, "message": f"missing: {', '.join(missing)}"})
    text = query.get("seconds") or str(SECONDS)
    if not text.isdigit() or not 0 < int(text) <= LONGEST:
        return _response(400, {"ok": False, "message": f"seconds is a number from 1 to {LONGEST}"})
    signed = cloud.store(Issuer).sign(query["issuer"], query["audience"], query["subject"], int(text))
    return _response(200, {"ok": True, "token": signed})


def _response(status: int, document: dict[str, object]) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps(document).encode())
