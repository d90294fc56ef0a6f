"""Sessions of the page: a signed cookie in place of a key, which allows reading, and saying what was done.

A session is signed with the secret of the service and the stored hash of its key. So all processes of a
server accept it without talking to each other, it ends when the key is revoked, and nothing is stored for it;
who reads the database, or a copy of it, lacks the secret. It writes where its key may write,
on the routes that the page needs for that, and only with the token and from the page of the server itself.
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
CSRF_HEADER: Final = "X-CSRF-Token"
SESSION_SCOPE: Final[Scope] = "score"
# A working day; then the page asks for the key again.
SESSION_HOURS: Final = 8

_COOKIE_PURPOSE: Final = b"session"
_CSRF_PURPOSE: Final = b"csrf"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in.

    Attributes:
        key: that the session stands for.
        cookie: value of the cookie.
        expires_at: microseconds UTC.
        csrf_token: the token that a request which changes something repeats; other sites cannot read it.
    """

    key: ApiKey
    cookie: str
    expires_at: int
    csrf_token: str

    def check_csrf(self, sent: str | None) -> None:
        """Refuses a request that did not come from the page.

        Raises:
            CsrfError: the token is missing or belongs to another session.
        """
        if sent is None or not hmac.compare_digest(self.csrf_token.encode(), sent.encode()):
            raise CsrfError


def open_session(key: ApiKey, *, secret: bytes, now: int) -> Session:
    """Opens a session for a key; it ends with the key at the latest.

    Args:
        key: of the person who signs in.
        secret: of the service.
        now: microseconds UTC.
    """
    ends = now + SESSION_HOURS * US_PER_HOUR
    expires_at = ends if key.expires_at is None else min(ends, key.expires_at)
    head = f"{key.key_id}.{expires_at}"
    cookie = f"{head}.{_sign(secret, key, _COOKIE_PURPOSE, head)}"
    return Session(key, cookie, expires_at, _sign(secret, key, _CSRF_PURPOSE, cookie))


def find_session(ring: KeyRing, cookie: str, *, secret: bytes, now: int) -> Session:
    """Finds the session that a cookie stands for.

    Args:
        ring: the current keys.
        cookie: as it was sent, which may be anything.
        secret: of the service.
        now: microseconds UTC.

    Raises:
        SessionEndedError: it has expired, its key is gone, or it is forged.
    """
    key_id, _, rest = cookie.partition(".")
    expires_at, _, sent = rest.partition(".")
    key = ring.look_up(key_id)
    if key is None or key.state(now) != "active":
        raise SessionEndedError
    signed = _sign(secret, key, _COOKIE_PURPOSE, f"{key_id}.{expires_at}")
    if not hmac.compare_digest(signed.encode(), sent.encode()):
        raise SessionEndedError
    # The signature proves that it is a number.
    if now >= int(expires_at):
        raise SessionEndedError
    return Session(key, cookie, int(expires_at), _sign(secret, key, _CSRF_PURPOSE, cookie))


def _sign(secret: bytes, key: ApiKey, purpose: bytes, text: str) -> str:
    own = hmac.new(secret, key.hash, hashlib.sha256).digest()
    return hmac.new(own, purpose + b" " + text.encode(), hashlib.sha256).hexdigest()
