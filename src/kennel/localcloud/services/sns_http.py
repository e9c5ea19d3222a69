"""SNS: messages to HTTP addresses, in the background, and again after failures that may pass.

Sources: SNS developer guide, "HTTP/HTTPS headers", "Fanout Amazon SNS notifications to HTTPS endpoints",
"Amazon SNS message delivery retries" (the default policy).
"""

from __future__ import annotations

import base64
import logging
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException

from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.role_session import error_text
from kennel.localcloud.services import service_calls
from kennel.localcloud.services.events.pending import Delivery

log = logging.getLogger(__name__)
SNS = "sns.amazonaws.com"
PROTOCOLS = ("http", "https")
CONFIRMATION, NOTIFICATION = "SubscriptionConfirmation", "Notification"
RETRIES, PAUSE = 3, 20.0  # seconds of the cloud's clock
PATIENCE = 15.0  # seconds of this machine, until an address has answered
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class Post(Delivery):
    """A message on its way to an address.

    Attributes
    ----------
    kind
        ``Notification`` or ``SubscriptionConfirmation``.
    raw
        Whether the body is the message alone.
    dead_letters
        The queue that gets what is given up; empty if there is none.
    """

    topic: str
    subscription: str
    address: str
    kind: str
    message_id: str
    body: str
    raw: bool = False
    dead_letters: str = ""

    @property
    def name(self) -> str:
        """What it is, for people; not the address, which may hold a password."""
        return f"the {self.kind} of the subscription {self.subscription}"

    def deliver(self, cloud: Cloud) -> None:
        """Send until it succeeds or is given up; that goes to the subscription's dead-letter queue."""
        while True:
            failure, passing = self._send()
            if not failure:
                return
            log.warning("%s, attempt %d: %s", self.name, self.progress.retries + 1, failure)
            if not passing or self.progress.retries >= RETRIES:
                break
            self.progress.retries += 1
            cloud.changes.note()
            cloud.clock.wait(PAUSE)
        if not self.dead_letters:
            return
        try:
            with cloud.changes.call():
                service_calls.send_to_queue(cloud, self.dead_letters, SNS, self.topic, self.body)
        except ServiceException as error:
            log.warning("%s could not reach %s: %s", self.name, self.dead_letters, error_text(error))

    def _send(self) -> tuple[str, bool]:
        """Return why an attempt failed, empty if it did not, and whether another may succeed."""
        try:
            request, host = self._request()
            with _opener(host).open(request, timeout=PATIENCE):
                return "", False
        except urllib.error.HTTPError as error:
            with error:
                passing = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
                return f"HTTP {error.code}", passing or error.code == HTTPStatus.TOO_MANY_REQUESTS
        except ValueError:
            return "the address is none", False
        except (OSError, HTTPException) as error:
            return str(error), True

    def _request(self) -> tuple[urllib.request.Request, str]:
        """Return the request and its host; a user and a password in the address go in a header."""
        parts = urllib.parse.urlsplit(self.address)
        user, _, place = parts.netloc.rpartition("@")
        url = urllib.parse.urlunsplit(parts._replace(netloc=place, fragment=""))
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": self.kind,
            "x-amz-sns-message-id": self.message_id,
            "x-amz-sns-topic-arn": self.topic,
        }
        if self.kind == NOTIFICATION:
            headers["x-amz-sns-subscription-arn"] = self.subscription
        if self.raw:
            headers["x-amz-sns-rawdelivery"] = "true"
        if user:
            credentials = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        if parts.scheme not in PROTOCOLS or not parts.hostname:
            raise ValueError("the address is none")
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            url, self.body.encode(), headers, method="POST"
        )
        return request, parts.hostname


def _opener(host: str) -> urllib.request.OpenerDirector:
    """Return what opens an address: a redirection is an error, as for SNS; this machine needs no proxy."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({} if host in LOOPBACK else None),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
