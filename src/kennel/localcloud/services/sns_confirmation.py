"""SNS: subscriptions of HTTP addresses wait until the token of their confirmation message comes back.

Sources: SNS API reference, Subscribe and ConfirmSubscription; SNS developer guide, "HTTP/HTTPS subscription
confirmation JSON format".
"""

from __future__ import annotations

import hmac
import json
import secrets
import uuid
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.sax.saxutils import escape

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.patches.sns import confirmation_message
from kennel.localcloud.policy.evaluate import Decision
from kennel.localcloud.policy.principal import ANONYMOUS
from kennel.localcloud.protocol.messages import AwsError, Environ, Response
from kennel.localcloud.services.events.attempts import Progress
from kennel.localcloud.services.sns_http import CONFIRMATION, Post

PENDING, AUTHENTICATED = "PendingConfirmation", "ConfirmationWasAuthenticated"
TOKENS = "tokens"  # the attribute of moto's record of a subscription: when each token was sent
VALID_SECONDS = 2 * 86_400
ACTION = "ConfirmSubscription"
NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"


def is_pending(subscription: Any) -> bool:
    """Return whether a subscription waits for a confirmation."""
    return bool(subscription.attributes.get(PENDING))


def ask_to_confirm(cloud: Cloud, subscription: Any) -> None:
    """Let a subscription wait, and send the token that ends that to its address.

    The link leads to this local cloud: its token is all that whoever follows it needs, as on AWS.
    """
    subscription.attributes |= {PENDING: True, AUTHENTICATED: False}
    token, now, topic = secrets.token_hex(96), cloud.clock.time(), subscription.topic_arn
    sent = {each: at for each, at in vars(subscription).get(TOKENS, {}).items() if _is_valid(cloud, at)}
    setattr(subscription, TOKENS, {**sent, token: now})
    query = urlencode({"Action": ACTION, "TopicArn": topic, "Token": token}, safe=":")
    message_id = str(uuid.uuid4())
    message = confirmation_message(subscription, message_id, token, f"{cloud.endpoint_url}/?{query}")
    Post(
        Progress(now),
        topic=topic,
        subscription=subscription.arn,
        address=subscription.endpoint,
        kind=CONFIRMATION,
        message_id=message_id,
        body=json.dumps(message, indent=2),
    ).start(cloud)


@operation("sns", ACTION)
def confirm_subscription(call: Call) -> dict[str, Any]:
    """Confirm the subscription to whose address a token was sent; no other is taken."""
    subscriptions = _subscriptions(call.backend(), call.parameters["TopicArn"])
    arn = _confirm(call.cloud, subscriptions, call.parameters["Token"], authenticated=True)
    return {"SubscriptionArn": arn}


def respond(cloud: Cloud, environ: Environ) -> Response | None:
    """Answer who follows the link of a confirmation message, without a signature; None for other requests."""
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    if (
        (environ["REQUEST_METHOD"], environ.get("PATH_INFO"), query.get("Action")) != ("GET", "/", ACTION)
        or "HTTP_AUTHORIZATION" in environ
        or any(name.startswith("X-Amz-") for name in query)
    ):
        return None
    topic = query.get("TopicArn", "")
    there = cloud.in_region(f"{topic}:::".split(":")[3])
    authorizer = Authorizer(ImmediateAudit(cloud.audit_log))
    try:
        with cloud.changes.call():
            subscriptions = _subscriptions(_backend(there), topic)
            arn = _confirm(there, subscriptions, query.get("Token", ""), authenticated=False)
    except AwsError as error:
        decision = Decision("implicitDeny", f"refused: {error.code}: {error.message}")
        authorizer.report(ANONYMOUS, f"sns:{ACTION}", "*", decision)
        members = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        identity = f"<RequestId>{uuid.uuid4()}</RequestId>"
        text = f"<Error><Type>Sender</Type>{members}</Error>{identity}"
        return _xml(error.status or 400, "ErrorResponse", text)
    decision = Decision("allowed", "the token of a confirmation message")
    authorizer.report(ANONYMOUS, f"sns:{ACTION}", topic, decision)
    cloud.changes.note()
    result = f"<{ACTION}Result><SubscriptionArn>{escape(arn)}</SubscriptionArn></{ACTION}Result>"
    identity = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
    return _xml(200, f"{ACTION}Response", result + identity)


def _xml(status: int, element: str, content: str) -> Response:
    text = f'<{element} xmlns="{NAMESPACE}">{content}</{element}>'
    return Response(status, [("Content-Type", "text/xml")], text.encode())


def _backend(cloud: Cloud) -> Any:
    from moto.sns.models import sns_backends

    return sns_backends[cloud.account][cloud.region]


def _subscriptions(backend: Any, topic: str) -> list[Any]:
    """Return moto's records of the subscriptions of a topic.

    Raises
    ------
    AwsError
        ``NotFound``: there is no such topic.
    """
    record = backend.topics.get(topic)
    if record is None:
        raise AwsError("NotFound", "Topic does not exist", 404)
    return [each for each in list(backend.subscriptions.values()) if each.topic is record]


def _confirm(cloud: Cloud, subscriptions: list[Any], token: str, *, authenticated: bool) -> str:
    """Confirm the one of some subscriptions that a token was sent for, and return its ARN.

    Raises
    ------
    AwsError
        ``InvalidParameter``: none was sent this token, or too long ago.
    """
    for subscription in subscriptions:
        for sent, at in vars(subscription).get(TOKENS, {}).items():
            if hmac.compare_digest(sent.encode(), token.encode()) and _is_valid(cloud, at):
                if is_pending(subscription):
                    subscription.attributes |= {PENDING: False, AUTHENTICATED: authenticated}
                return str(subscription.arn)
    raise AwsError("InvalidParameter", "Invalid parameter: Token")


def _is_valid(cloud: Cloud, sent_at: float) -> bool:
    return cloud.clock.time() < sent_at + VALID_SECONDS
