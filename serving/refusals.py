"""Why a sound request is not done: who asks, how often, of which lead, and what cannot answer now.

The classes know nothing of HTTP; `serving.http.problems` says how each is answered.
"""

from __future__ import annotations

import math
from typing import Literal

from features.errors import LeadOddsError
from serving.errors import Fault, RequestError


class HostError(RequestError):
    """A request for another host, which a server without keys does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "This server has no key and answers only requests whose Host is localhost, 127.0.0.1 or [::1]."
        )


class KeyMissingError(RequestError):
    """A request without a key, to a server that has some."""

    def __init__(self) -> None:
        super().__init__("Send a key, as X-API-Key or as Authorization: Bearer.")


class KeyRefusedError(RequestError):
    """A key that is not, or no longer, one of this server."""

    def __init__(self, *, state: Literal["unknown", "revoked", "expired"]) -> None:
        super().__init__(f"The key is {state}. Whoever runs the server makes another: leadodds keys create.")


class ScopeError(RequestError):
    """A key that is good for other routes only."""

    def __init__(self, *, needed: str) -> None:
        super().__init__(f"This route needs a key with the scope {needed}, which the key sent does not have.")


class SessionEndedError(RequestError):
    """A session of the page that has expired, or whose key is good no more."""

    def __init__(self) -> None:
        super().__init__("The session has ended. Sign in again.")


class CsrfError(RequestError):
    """A request with a session that did not come from the page itself."""

    def __init__(self) -> None:
        super().__init__("The request lacks the token of its session. Load the page again.")


class RateError(RequestError):
    """A key that asks more often than it may."""

    def __init__(self, *, wait_seconds: float) -> None:
        self.retry_after_seconds = max(1, math.ceil(wait_seconds))
        super().__init__(
            f"The key asks more often than it may. Send the same again in {self.retry_after_seconds} s."
        )


class DrainingError(RequestError):
    """A request to a server that is stopping."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("This server is stopping and takes nothing new. Send the same again.")


class LeadUnknownError(RequestError):
    """A lead that nobody told the service of."""

    def __init__(self) -> None:
        super().__init__("There is no such lead. PUT /v1/leads/{id} makes one.")


class LeadErasedError(RequestError):
    """A lead that was erased, and is not kept again."""

    def __init__(self) -> None:
        super().__init__("This lead was erased, and what is sent of it is not kept again.")


class LeadConflictError(RequestError):
    """A lead that was created at another time."""

    def __init__(self) -> None:
        fault = Fault("/created_at", "unchanged", "A lead keeps the time at which it was created.")
        super().__init__("The lead is known with another created_at.", faults=[fault])


class StoreAwayError(RequestError):
    """A database that does not take or give anything now."""

    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database did not answer; nothing was written. Send the same again later.")


class KeylessHostError(LeadOddsError):
    """A server without keys that would have been reachable from other machines."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The server has no key, so it listens on this machine only, and {host!r} is not a loopback "
            "address. Leave --host out, or give 127.0.0.1, ::1 or localhost."
        )
