"""Makes the tables of an empty database, upgrades those of an older version, and refuses any others."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from features.errors import LeadOddsError
from features.sources.service_tables import METADATA, VERSION_TABLE
from serving.database.schema import STORE, VERSION
from serving.database.score_tables import SCORES, SCORES_INDEXES
from serving.database.secret import OtherSecretError, check_value, keep_salt, make_secret, read_secret

# The oldest version that a migration starts from.
OLDEST_VERSION: Final = 2
# Older databases hold the salt themselves.
_SECRET_VERSION: Final = 11


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


def prepare_database(connection: sa.Connection, *, place: str, secret_file: Path) -> bytes:
    """Makes the tables in an empty database, upgrades older ones, or checks that they are current.

    Args:
        connection: in a transaction that writes, which no other process does meanwhile.
        place: of the database, for people.
        secret_file: of the service; made with a new database, and takes over the salt of an older one.

    Returns:
        The salt of the hashes that remain of erased ids.

    Raises:
        StoreVersionError: the database has a newer version, or one too old to upgrade.
        ForeignDatabaseError: the tables are not those of the service.
        SecretError: the secret is missing, or cannot be used.
        OtherSecretError: the secret is not that of the database.
    """
    present = set(sa.inspect(connection).get_table_names())
    if VERSION_TABLE not in present:
        scores = _scores_among(connection, present)
        if foreign := sorted(present & METADATA.tables.keys() - scores):
            raise ForeignDatabaseError(place, tables=foreign)
        METADATA.create_all(connection)
        if scores:
            _complete_scores(connection)
        check = check_value(make_secret(secret_file).salts[0])
        row = {"version": VERSION, "secret_check": check, "sequence": 0, "rescored": 0}
        connection.execute(sa.insert(STORE), row)
    version = connection.execute(sa.select(STORE.c.version)).scalar_one()
    if OLDEST_VERSION <= version < VERSION:
        if version < _SECRET_VERSION:
            stored = connection.execute(sa.text(f"SELECT salt FROM {VERSION_TABLE}"))  # noqa: S608 - a name of ours
            keep_salt(secret_file, bytes(stored.scalar_one()))
        # Imported late: Alembic costs a server 0.2 seconds and 12 MB, and hardly any start needs it.
        from serving.database.migrations.upgrade import upgrade

        version = upgrade(connection, version=version)
    if version != VERSION:
        raise StoreVersionError(place, version=version)
    return read_salt(connection, secret_file, place=place)


def read_salt(connection: sa.Connection, secret_file: Path, *, place: str) -> bytes:
    """Reads the salt of the hashes that remain of erased ids.

    Args:
        connection: to a database of the service, in a transaction.
        secret_file: of the service.
        place: of the database, for people.

    Raises:
        SecretError: the secret is missing, or cannot be used.
        OtherSecretError: it is not that of the database.
    """
    check = bytes(connection.execute(sa.select(STORE.c.secret_check)).scalar_one())
    salt = read_secret(secret_file).salt_of(check)
    if salt is None:
        raise OtherSecretError(place, secret_file)
    return salt


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
    return {SCORES.name} if [*columns, SCORES.c.written.name] == SCORES.columns.keys() else set()


def _complete_scores(connection: sa.Connection) -> None:
    """Gives a table `scores` of the nightly job what only that of the service has."""
    connection.execute(sa.text("ALTER TABLE scores ADD COLUMN written BIGINT NOT NULL DEFAULT 0"))
    for index in SCORES_INDEXES:
        index.create(connection)
