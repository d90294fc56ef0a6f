"""Makes the tables of an empty database, upgrades those of an older version, and refuses any others."""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from features.errors import LeadOddsError
from features.sources.service_tables import METADATA, VERSION_TABLE
from serving.database.schema import SCORES, STORE, VERSION

# The oldest version that a migration starts from.
OLDEST_VERSION: Final = 2


class StoreVersionError(LeadOddsError):
    """A database of another version than this release works with."""

    def __init__(self, place: str, *, version: int) -> None:
        if version > VERSION:
            remedy = "Run the release that wrote it or a newer one, or name another database."
        elif version < OLDEST_VERSION:
            remedy = f"Releases upgrade databases from version {OLDEST_VERSION} on; name another database."
        else:
            remedy = "Start leadodds serve of this release once: it upgrades the database."
        super().__init__(
            f"The database {place} has version {version}, and this release works with version {VERSION}. "
            f"{remedy}"
        )


class ForeignDatabaseError(LeadOddsError):
    """A database with tables that the service did not make."""

    def __init__(self, place: str, *, tables: list[str]) -> None:
        super().__init__(
            f"The database {place} was not made by the service, and has tables of the same names: "
            f"{', '.join(tables)}. Name an empty database."
        )


def prepare_database(connection: sa.Connection, *, place: str) -> bytes:
    """Makes the tables in an empty database, upgrades older ones, or checks that they are current.

    Args:
        connection: in a transaction that writes, which no other process does meanwhile.
        place: of the database, for people.

    Returns:
        The salt of the hashes that remain of erased ids.

    Raises:
        StoreVersionError: the database has a newer version, or one too old to upgrade.
        ForeignDatabaseError: the tables are not those of the service.
    """
    present = set(sa.inspect(connection).get_table_names())
    if VERSION_TABLE not in present:
        if foreign := sorted(present & METADATA.tables.keys() - _scores_among(connection, present)):
            raise ForeignDatabaseError(place, tables=foreign)
        METADATA.create_all(connection)
        row = {"version": VERSION, "salt": secrets.token_bytes(32), "sequence": 0, "rescored": 0}
        connection.execute(sa.insert(STORE), row)
    version, salt = connection.execute(sa.select(STORE.c.version, STORE.c.salt)).one()
    if OLDEST_VERSION <= version < VERSION:
        # Imported late: Alembic costs a server 0.2 seconds and 12 MB, and hardly any start needs it.
        from serving.database.migrations.upgrade import upgrade

        version = upgrade(connection, version=version)
    if version != VERSION:
        raise StoreVersionError(place, version=version)
    return bytes(salt)


def check_version(connection: sa.Connection, *, place: str) -> None:
    """Refuses a database of the service that has another version.

    Raises:
        StoreVersionError: it has.
    """
    version = connection.execute(sa.select(STORE.c.version)).scalar_one()
    if version != VERSION:
        raise StoreVersionError(place, version=version)


def _scores_among(connection: sa.Connection, present: set[str]) -> set[str]:
    """Names the table `scores` where the nightly job made it before the service made the others."""
    if SCORES.name not in present:
        return set()
    columns = [column["name"] for column in sa.inspect(connection).get_columns(SCORES.name)]
    return {SCORES.name} if columns == SCORES.columns.keys() else set()
