"""Reads the interactions of linked leads of an account, and no more of them than a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from features.history.lead_history import DIRECTIONS
from features.inputs.interaction_inputs import InteractionInputs
from features.sources.service_tables import INTERACTIONS
from serving.database.statements import CompiledLookUp
from serving.intake.linked_ids import read_linked

# The position of the moment in a row of the look-ups.
_KNOWN: Final = 3
_COLUMNS: Final = (
    *("lead_id", "kind", "occurred_at", "available_at", "direction"),
    *("channel", "campaign", "value", "is_automated"),
)
_IDS_AT_ONCE: Final = 100


def _look_up(*, is_ordered: bool) -> CompiledLookUp:
    """Selects rows under some ids that are known by a moment, up to a number; those known first of one id."""
    own = INTERACTIONS.c
    until, sequence, most = (
        sa.bindparam(name, type_=sa.BigInteger) for name in ("until", "sequence", "most")
    )
    known = sa.case((own.available_at < own.occurred_at, own.occurred_at), else_=own.available_at)
    columns = [known if name == "available_at" else own[name] for name in _COLUMNS]
    rows = sa.select(*columns).where(own.occurred_at <= until, known <= until, own.sequence <= sequence)
    rows = rows.order_by(known) if is_ordered else rows
    return CompiledLookUp(rows.limit(most), own.lead_id, keys_count=1 if is_ordered else _IDS_AT_ONCE)


_SOME: Final = _look_up(is_ordered=False)
_FIRST: Final = _look_up(is_ordered=True)


def ids_of_leads(
    connection: sa.Connection, lead_ids: list[str], *, sequence: int | None
) -> dict[str, int] | None:
    """Finds the ids whose rows belong to some leads, and from when on they do for the account.

    Args:
        connection: in a transaction.
        lead_ids: leads of the account.
        sequence: number of a transaction; links written after it are left out. None is the latest state.

    Returns:
        By id, the earliest moment from which its rows can be known, microseconds UTC: neither before a lead
        is created nor before its link. None where none of the leads is linked.
    """
    linked = read_linked(connection, lead_ids, sequence=sequence) if lead_ids else None
    if linked is None:
        return None
    since: dict[str, int] = {}
    for lead_id in lead_ids:
        created = linked.created_at[lead_id]
        for id_, at in [(lead_id, created), *((id_, at) for id_, at, *_ in linked.pairs_of(lead_id))]:
            moment = max(at, created)
            since[id_] = min(moment, since.get(id_, moment))
    return since


def rows_of_ids(
    connection: sa.Connection, since: Mapping[str, int], parameters: Mapping[str, Any], *, is_ordered: bool
) -> InteractionInputs:
    """Reads rows under ids that are known by a moment.

    Args:
        connection: in a transaction.
        since: by id, from when on its rows can be known.
        parameters: `most` is the number of rows; `until`, microseconds UTC; `sequence` of the last
            transaction that counts.
        is_ordered: whether the rows known first are read, instead of any.
    """
    most, until = parameters["most"], parameters["until"]
    ids = sorted((id_ for id_, at in since.items() if at <= until), key=since.__getitem__)
    found: list[list[Any]] = []
    step = 1 if is_ordered else _IDS_AT_ONCE
    for start in range(0, len(ids), step):
        # Of ordered rows, those known after the last of enough rows are none of the first.
        left = most if is_ordered else most - len(found)
        if left <= 0 or since[ids[start]] > until:
            break
        asked = {**parameters, "most": left, "until": until}
        look_up = _FIRST if is_ordered else _SOME
        for id_, *row in look_up.rows(connection, ids[start : start + step], asked):
            row[_KNOWN - 1] = max(row[_KNOWN - 1], since[id_])
            found.append(row)
        if is_ordered and len(found) >= most:
            found = nsmallest(most, found, key=itemgetter(_KNOWN - 1))
            until = found[-1][_KNOWN - 1]
    if not found:
        return InteractionInputs()
    kind, occurred_at, known, direction, *rest = (list(column) for column in zip(*found, strict=True))
    return InteractionInputs(kind, occurred_at, known, [DIRECTIONS.get(name) for name in direction], *rest)
