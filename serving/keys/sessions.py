"""Sessions of the page: a signed cookie in the place of a key, good for looking and for nothing else.

A session is signed with what is kept of its key, the hash. So every process of a server knows it without a
word between them, it ends when the key is revoked, and nothing more has to be kept. Whoever could forge one
has read the database already, and a session shows no more than that holds: it never opens what writes.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from features.times import US_PER_HOUR
from serving.errors import CsrfError, SessionEndedError
from serving.keys.keys import ApiKey, KeyRing, Scope

COOKIE: Final = "leadodds_session"
SESSION_SCOPE: Final[Scope] = "score"
# A working day; then the key is asked for again.
SESSION_HOURS: Final = 8

_COOKIE_PURPOSE: Final = b"session"
_CSRF_PURPOSE: Final = b"csrf"


@dataclass(frozen=True, slots=True)
class Session:
    """A page that somebody signed in to.

    Attributes:
        key: that it stands for.
        cookie: value of the cookie.
        expires_at: microseconds UTC.
    """

    key: ApiKey
    cookie: str
    expires_at: int

    @property
    def csrf_token(self) -> str:
        """What a request that changes something has to repeat; a page from elsewhere cannot read it."""
        return _sign(self.key, _CSRF_PURPOSE, self.cookie)

    def check_csrf(self, sent: str | None) -> None:
        """Refuses a request that did not come from the page.

        Raises:
            CsrfError: the token is missing or of another session.
        """
        if sent is None or not hmac.compare_digest(self.csrf_token.encode(), sent.encode()):
            raise CsrfError


def open_session(key: ApiKey, *, now: int) -> Session:
    """Makes a session of a key, which ends with it at the latest."""
    ends = now + SESSION_HOURS * US_PER_HOUR
    expires_at = ends if key.expires_at is None else min(ends, key.expires_at)
    told = f"{key.key_id}.{expires_at}"
    return Session(key, f"{told}.{_sign(key, _COOKIE_PURPOSE, told)}", expires_at)


def find_session(ring: KeyRing, cookie: str, *, now: int) -> Session:
    """Finds the session that a cookie stands for.

    Args:
        ring: the keys that are good now.
        cookie: whatever was sent.
        now: microseconds UTC.

    Raises:
        SessionEndedError: it has expired, its key is gone, or it is none of ours.
    """
    key_id, _, rest = cookie.partition(".")
    expires_at, _, sent = rest.partition(".")
    key = ring.look_up(key_id)
    if key is None or key.state(now) != "active":
        raise SessionEndedError
    if not hmac.compare_digest(_sign(key, _COOKIE_PURPOSE, f"{key_id}.{expires_at}").encode(), sent.encode()):
        raise SessionEndedError
    # Only now is it a number for certain: we wrote it.
    if now >= int(expires_at):
        raise SessionEndedError
    return Session(key, cookie, int(expires_at))


def _sign(key: ApiKey, purpose: bytes, told: str) -> str:
    return hmac.new(key.hash, purpose + b" " + told.encode(), hashlib.sha256).hexdigest()
