"""Which ids were erased: only salted hashes of them remain, so that nothing of them is stored again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from serving.database.schema import ERASED
from serving.database.statements import CompiledLookUp, CompiledStatement
from serving.intake.items import erased_hash

_ANY_ERASED: Final = CompiledStatement(sa.select(ERASED.c.hash).limit(1))
_ERASED_HASHES: Final = CompiledLookUp(sa.select(ERASED.c.hash), ERASED.c.hash)


def erased_among(connection: sa.Connection, hashes: Iterable[bytes]) -> set[bytes]:
    """Finds the hashes of erased ids among some."""
    # Most databases never erased anything.
    if not has_erasures(connection):
        return set()
    return {bytes(found) for (found,) in _ERASED_HASHES.rows(connection, list({*hashes}))}


def has_erasures(connection: sa.Connection) -> bool:
    """Whether anything was ever erased."""
    return bool(_ANY_ERASED.rows(connection))


def erased_leads(connection: sa.Connection, salt: bytes, lead_ids: Iterable[str]) -> set[str]:
    """Finds the leads among some that were erased."""
    leads = {*lead_ids}
    # Where nothing was ever erased, nothing is hashed.
    erased = erased_among(connection, (erased_hash(salt, "lead", lead_id) for lead_id in leads))
    return {lead_id for lead_id in leads if erased and erased_hash(salt, "lead", lead_id) in erased}


def is_erased(connection: sa.Connection, hashed: bytes) -> bool:
    """Whether the id with this hash was erased."""
    return connection.execute(sa.select(ERASED.c.hash).where(ERASED.c.hash == hashed)).first() is not None
