"""Sessions of the page: a signed cookie in place of a key, which allows reading, and saying what was done.

A cookie names a session, its key and its beginning, signed with the secret of the service: all processes of a
server accept it without talking to each other, and who reads the database, or a copy of it, forges none. The
server counts the hours from the beginning. A session that was ended stands in the database until then; one
whose key is revoked or expired is over, too. It writes where its key may write, on the routes that the page
needs for that, and only from the page of the server itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from itsdangerous import BadData, URLSafeSerializer

from features.times import US_PER_HOUR
from serving.access_errors import SessionEndedError
from serving.clock import AHEAD_US, new_id
from serving.database.schema import ENDED_SESSIONS
from serving.database.statements import replacing
from serving.database.writer import Receipt
from serving.keys.keys import ApiKey, KeyRing, Scope

COOKIE: Final = "leadodds_session"
SESSION_SCOPE: Final[Scope] = "score"
# A working day; then the page asks for the key again.
SESSION_HOURS: Final = 8

_LENGTH_US: Final = SESSION_HOURS * US_PER_HOUR


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in.

    Attributes:
        session_id: of the session.
        key: that it stands for.
        expires_at: microseconds UTC.
        cookie: value of the cookie.
    """

    session_id: str
    key: ApiKey
    expires_at: int
    cookie: str


def open_session(key: ApiKey, *, secret: bytes, now: int) -> Session:
    """Opens a session for a key; it ends with the key at the latest.

    Args:
        key: of the person who signs in.
        secret: of the service.
        now: microseconds UTC.
    """
    session_id = new_id()
    cookie = _signer(secret).dumps([session_id, key.key_id, now])
    return Session(session_id, key, _expiry(key, now), str(cookie))


def find_session(
    ring: KeyRing, cookie: str, *, secret: bytes, now: int, ended: Collection[str] = ()
) -> Session:
    """Finds the session that a cookie stands for.

    Args:
        ring: the current keys.
        cookie: as it was sent, which may be anything.
        secret: of the service.
        now: microseconds UTC.
        ended: ids of sessions that were ended before their time.

    Raises:
        SessionEndedError: it has expired or was ended, its key is gone, or it is forged.
    """
    try:
        # Once the signature is right, the content is ours.
        session_id, key_id, began_at = _signer(secret).loads(cookie)
    except BadData:
        raise SessionEndedError from None
    key = ring.look_up(key_id)
    if key is None or key.state(now) != "active" or session_id in ended:
        raise SessionEndedError
    # One that begins in the future comes from a clock that was ahead, and would last longer.
    if began_at > now + AHEAD_US or now >= _expiry(key, began_at):
        raise SessionEndedError
    return Session(session_id, key, _expiry(key, began_at), cookie)


def end_session(connection: sa.Connection, receipt: Receipt, *, session: Session) -> None:
    """Ends a session before its time, and forgets those whose time is over."""
    connection.execute(sa.delete(ENDED_SESSIONS).where(ENDED_SESSIONS.c.ends_at < receipt.at - _LENGTH_US))
    row = {"session_id": session.session_id, "ends_at": session.expires_at}
    connection.execute(replacing(connection, ENDED_SESSIONS), row)


def read_ended_sessions(connection: sa.Connection) -> dict[str, int]:
    """Reads the sessions that were ended: when their time is over, by id."""
    return dict(connection.execute(sa.select(*ENDED_SESSIONS.c)).all())


def _expiry(key: ApiKey, began_at: int) -> int:
    ends = began_at + _LENGTH_US
    return ends if key.expires_at is None else min(ends, key.expires_at)


def _signer(secret: bytes) -> URLSafeSerializer:
    own = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(secret, salt="leadodds.session", signer_kwargs=own)
