"""What the service keeps beside the tables of a history, and the making and checking of its database."""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from features.errors import LeadOddsError
from features.stored import METADATA, VERSION_TABLE, Text

VERSION: Final = 1

STORE: Final = sa.Table(
    VERSION_TABLE,
    METADATA,
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
)
QUARANTINE: Final = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("lead_id", Text, nullable=False, index=True),
    sa.Column("item", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
)
ERASED: Final = sa.Table(
    "erased",
    METADATA,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("erased_at", sa.BigInteger, nullable=False),
)
API_KEYS: Final = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key_id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("scopes", Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("requests_per_second", sa.Double),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger),
    sa.Column("revoked_at", sa.BigInteger),
)


class StoreVersionError(LeadOddsError):
    """A database of another version."""

    def __init__(self, place: str, *, version: int) -> None:
        super().__init__(
            f"The database {place} has version {version}, and this service keeps version {VERSION}. "
            "Run the service that made it, or name another database."
        )


class ForeignDatabaseError(LeadOddsError):
    """A database that holds tables of others."""

    def __init__(self, place: str, *, tables: list[str]) -> None:
        super().__init__(
            f"The database {place} is not one of the service and has tables of the same names: "
            f"{', '.join(tables)}. Name an empty database."
        )


def prepare_database(connection: sa.Connection, *, place: str) -> bytes:
    """Makes the tables in an empty database, or checks those that are there.

    Args:
        connection: in a transaction that writes.
        place: of the database, for people.

    Returns:
        The salt that ids of erased leads are hashed with.

    Raises:
        StoreVersionError: the database is of another version.
        ForeignDatabaseError: the tables are not of the service.
    """
    there = set(sa.inspect(connection).get_table_names())
    if VERSION_TABLE not in there:
        if foreign := sorted(there & METADATA.tables.keys()):
            raise ForeignDatabaseError(place, tables=foreign)
        METADATA.create_all(connection)
        connection.execute(sa.insert(STORE), {"version": VERSION, "salt": secrets.token_bytes(32)})
    version, salt = connection.execute(sa.select(STORE.c.version, STORE.c.salt)).one()
    if version != VERSION:
        raise StoreVersionError(place, version=version)
    return bytes(salt)
