"""The errors of who may ask: from where, with which key, session or signature, and how often."""

from __future__ import annotations

import math
from typing import Literal

from features.errors import LeadOddsError
from serving.errors import RequestError


class HostError(RequestError):
    """A request for another host than this machine, to a server without keys."""

    def __init__(self) -> None:
        super().__init__(
            "This server has no key and serves only requests whose Host is localhost, 127.0.0.1 or [::1]."
        )


class ForwardedError(RequestError):
    """A request that a proxy passed on, to a server without keys."""

    def __init__(self, header: str) -> None:
        super().__init__(
            f"This server has no key and serves only this machine, but {header} says that a proxy passed the "
            "request on. Create a key with leadodds keys create before others can reach the server."
        )


class KeysOutdatedError(RequestError):
    """A request at a time when the keys of the server could not be read for long."""

    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__(
            "The keys of this server could not be read for long, so none is accepted. Send the same again."
        )


class KeyMissingError(RequestError):
    """A request without a key, to a server with keys."""

    def __init__(self) -> None:
        super().__init__("Send a key, as X-API-Key or as Authorization: Bearer.")


class KeyRefusedError(RequestError):
    """A key that this server does not know, or that is revoked or expired."""

    def __init__(self, *, state: Literal["unknown", "revoked", "expired"]) -> None:
        super().__init__(
            f"The key is {state}. The operator of the server can create another with leadodds keys create."
        )


class SignatureError(RequestError):
    """A web hook whose signature is wrong, missing or too old, or cannot be checked."""

    def __init__(self) -> None:
        super().__init__(
            "The hook is not signed as its CRM signs, or its secret is not in hooks.toml; nothing was stored."
        )


class UnknownCrmError(RequestError):
    """A web hook of a CRM that there is no route for."""

    def __init__(self) -> None:
        super().__init__("There are hooks of odoo, pipedrive, espocrm, zoho and hubspot.")


class ScopeError(RequestError):
    """A key without the scope that the route, or a part of the body, needs."""

    def __init__(self, *, needed: str, item: str = "This route") -> None:
        super().__init__(f"{item} needs a key with the scope {needed}, which the key sent does not have.")


class SourceError(RequestError):
    """A body of another source than the one that its key may send for."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"The key sends for the source {source} alone, and these rows are of another. "
            "Create a key for each source with leadodds keys create --source."
        )


class SessionEndedError(RequestError):
    """A session of the page that has expired, or whose key is revoked or expired."""

    def __init__(self) -> None:
        super().__init__("The session has ended. Sign in again.")


class OriginError(RequestError):
    """A request of a session that another page made."""

    def __init__(self) -> None:
        super().__init__(
            "The request does not come from the page of this server. A proxy before it must pass Host on."
        )


class RateError(RequestError):
    """A key that sends requests, leads or bytes faster than its limits."""

    def __init__(self, *, wait_seconds: float) -> None:
        self.retry_after_seconds = max(1, math.ceil(wait_seconds))
        super().__init__(
            "The key sends requests, leads or bytes faster than its limit allows. "
            f"Send the same again in {self.retry_after_seconds} s."
        )


class FailedKeysError(RequestError):
    """A key that is refused, from an address from which too many were."""

    def __init__(self, *, wait_seconds: float) -> None:
        self.retry_after_seconds = max(1, math.ceil(wait_seconds))
        super().__init__(
            "Too many keys from this address were refused. "
            f"Send the right one, or try again in {self.retry_after_seconds} s."
        )


class KeylessHostError(LeadOddsError):
    """A server without keys that other machines could reach."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The server has no key, so it listens on this machine only, and {host!r} is not a loopback "
            "address. Leave --host out, or give 127.0.0.1, ::1 or localhost."
        )
