"""Web identities: whose token of an OpenID Connect provider AssumeRoleWithWebIdentity brings.

AWS fetches a provider's public keys from the provider. The local cloud fetches nothing: it stands in for
every provider that is registered in IAM, and accepts the tokens that it has signed itself.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import ExpiredTokenError, JoseError

from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.moto_adapter import credential_store
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError

ALGORITHM = "RS256"  # that of GitHub's tokens
KEY_BITS = 2048
_CLAIMS = jwt.JWTClaimsRegistry(
    iss={"essential": True}, aud={"essential": True}, sub={"essential": True}, exp={"essential": True}
)


class Issuer(TransientStore):
    """The key with which this cloud signs tokens in the providers' stead; a restart makes another."""

    everywhere = True

    def __init__(self) -> None:
        self._key = jwk.RSAKey.generate_key(KEY_BITS)

    def sign(self, issuer: str, audience: str, subject: str, seconds: int) -> str:
        """Return a token that says what a provider's would.

        Parameters
        ----------
        issuer
            The provider's address, e.g. ``https://token.actions.githubusercontent.com``.
        seconds
            How long it is valid.
        """
        now = int(time.time())
        claims = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "nbf": now}
        return jwt.encode({"alg": ALGORITHM}, {**claims, "exp": now + seconds}, self._key)

    def claims(self, token: str) -> dict[str, Any]:
        """Return what a token says.

        Raises
        ------
        AwsError
            ``InvalidIdentityToken`` or ``ExpiredTokenException``.
        """
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise AwsError(
                "InvalidIdentityToken",
                "This local cloud did not sign the token, and it fetches no keys of identity providers: "
                "POST /_kennel/web-identity/token signs one.",
            ) from error
        try:
            _CLAIMS.validate(claims)
        except ExpiredTokenError as error:
            raise AwsError(
                "ExpiredTokenException",
                f"Token expired: current date/time {_text(time.time())} must be before the expiration "
                f"date/time {_text(claims['exp'])}",
            ) from error
        except JoseError as error:
            raise AwsError("InvalidIdentityToken", f"The token is not valid: {error}") from error
        return claims


def identify(cloud: Cloud, parameters: Mapping[str, Any]) -> Principal:
    """Return the holder of the token that a call of AssumeRoleWithWebIdentity brings.

    Raises
    ------
    AwsError
        The token is not valid, its issuer is not registered in IAM, or not for its audience.
    """
    claims = cloud.store(Issuer).claims(str(parameters.get("WebIdentityToken", "")))
    issuer, audience, subject = (str(claims[name]) for name in ("iss", "aud", "sub"))
    provider = credential_store.identity_provider(issuer)
    if provider is None:
        raise AwsError(
            "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}"
        )
    if audience not in provider.audiences:
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")
    return Principal(
        "federated",
        provider.arn,
        name=issuer,
        unique_id=f"{provider.arn}:{audience}:{subject}",
        claims={"aud": audience, "sub": subject},
    )


def _text(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="seconds")
