"""moto's base classes: of all records, each of which it keeps for ever, and of all responses, which guess."""

from __future__ import annotations

import functools
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from werkzeug.datastructures import EnvironHeaders, ImmutableMultiDict

from kennel.localcloud.moto_adapter.patching import replace
from kennel.localcloud.protocol import canonical


def apply() -> None:
    """Track no instances: only moto's dashboard lists them, and emptied buckets would stay in memory."""
    from moto.core.common_models import BaseModel

    def new(cls: type[Any], *arguments: Any, **named: Any) -> Any:
        return object.__new__(cls)

    replace(BaseModel, "__new__", staticmethod(new))
    _execute_what_was_authorised()
    _look_up_once()


def _look_up_once() -> None:
    """Do once what moto does at every call: list a class's methods, look for an account, draw an identifier.

    moto draws the 52 characters of a response's identifier one by one, and looks for the original spelling of
    every header.
    """
    from moto.core import request, responses
    from moto.core.base_backend import BackendDict
    from moto.moto_api._internal.moto_random import MotoRandom

    def account(self: Any, account_id: str) -> Any:
        return dict.__getitem__(self, account_id) if account_id in self else create_account(self, account_id)

    create_account = replace(BackendDict, "__getitem__", account)
    replace(responses, "method_names_from_class", functools.cache(responses.method_names_from_class))

    def get_random_string(
        self: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False
    ) -> str:
        pool = string.ascii_letters + (string.digits if include_digits else "")
        drawn = "".join(self.choices(pool, k=length))
        return drawn.lower() if lower_case else drawn

    replace(MotoRandom, "get_random_string", get_random_string)

    def headers(self: request.EnvironHeaders) -> Iterator[tuple[str, str]]:
        spelled = self.environ.get(request.PRESERVED_HEADER_NAMES_ENVIRON_KEY)
        return as_spelled(self) if spelled else EnvironHeaders.__iter__(self)

    as_spelled = replace(request.EnvironHeaders, "__iter__", headers)


def _execute_what_was_authorised() -> None:
    """Let moto read the operation, region and parameters where the codec has read them, and nowhere else.

    moto itself looks for ``Action`` in JSON that it reads as a form and in headers, for parameters in both,
    and for the region in the path and in the user agent.
    """
    from moto.core.responses import BaseResponse

    def setup_class(
        self: Any, request: Any, full_url: Any = None, headers: Any = None, *arguments: Any, **named: Any
    ) -> None:
        protocol = request.environ.get(canonical.OPERATION_PROTOCOL)
        if protocol is not None and protocol not in canonical.QUERY_PROTOCOLS:
            vars(request).update(form=ImmutableMultiDict(), files=ImmutableMultiDict())
            headers = {}  # which it takes for parameters where there are no others
        set_up(self, request, full_url, headers, *arguments, **named)
        if protocol is None:
            return
        self.region = request.environ[canonical.OPERATION_REGION]
        if protocol not in canonical.QUERY_PROTOCOLS:
            self.querystring = self.data = parse_qs(self.parsed_url.query, keep_blank_values=True)

    def get_action(self: Any) -> str:
        # S3's own responses set the action for themselves, after the path and query have said which it is.
        environ = self.normalized_request.environ
        named = None if self.service_name == "s3" else environ.get(canonical.OPERATION)
        rest = named and environ[canonical.OPERATION_PROTOCOL].startswith("rest")
        match_path = self._get_action_from_method_and_request_uri  # it keeps the parameters in the path
        if rest and not self.uri_match and match_path(self.normalized_request) != named:
            self.uri_match = {}
        operation: str = named or find_action(self)
        return operation

    set_up = replace(BaseResponse, "setup_class", setup_class)
    find_action = replace(BaseResponse, "_get_action", get_action)
