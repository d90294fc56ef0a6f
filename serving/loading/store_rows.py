"""Turns the tables of a partition into rows of the service's database, in the order of leads and time.

Times, numbers and texts are read by the rules of every other reader of a history, so that what is stored is
what a score of the history would have seen. What the store would refuse over HTTP is refused here, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.findings.problems import Findings
from features.history.lead_history import (
    DIRECTION_NAMES,
    DIRECTIONS,
    OUTCOMES,
    Attribute,
    AttributeType,
    Bools,
    Ints,
)
from features.history.settings import HistorySettings
from features.history.text_rule import float_text
from features.parsing.text_columns import Texts
from features.partitions.partitions import Partitions
from features.tables.assemble import read_ids
from features.tables.change_rows import read_changes
from features.tables.interaction_rows import InteractionRows, read_counted
from features.tables.lead_rows import Leads
from features.tables.outcome_days import NO_OUTCOME_DAYS, OutcomeDays
from features.tables.outcome_rows import SentOutcomes, days_of_outcomes, read_usable_outcomes
from features.tables.row_order import order_rows
from features.tables.table_reader import INTERACTIONS, RawTables, Rows, open_rows
from serving.bodies.intake_bodies import MOST_ID, MOST_SOURCE
from serving.bodies.score_bodies import MOST_NAME
from serving.clock import AHEAD_US
from serving.intake.items import contents_of_interactions, fingerprint

# Why rows of a history are refused, beside the reasons of a store that holds other rows already.
AHEAD: Final = "ahead"
UNSTORABLE: Final = "unstorable"
# Rows that count once by the rules of a history.
DUPLICATE: Final = "duplicate"
_REASONS: Final[Mapping[str, str]] = {
    "D020": "empty_cell",
    "D021": "unknown_lead",
    "D025": DUPLICATE,
    "D026": "id_of_another_lead",
}
_OUTCOME_NAMES: Final = {code: name for name, code in OUTCOMES.items()}
# A row without a source has none of the names that a source can have.
NO_SOURCE: Final = ""
# PostgreSQL takes no text with a NUL, and no id has a control character: `has_control_characters`.
_NUL: Final = r"\x00"
_NO_ID: Final = r"\p{Cc}"
_LEAD_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class RowsOfLeads:
    """The rows of the store.

    Attributes:
        tables: by table, sorted by `lead`, the number of the id that they are under.
        ids_count: number of ids: those of leads, and aliases of leads that are no leads themselves.
        left_out: numbers of rows left out, by table and reason.
    """

    tables: dict[str, pa.Table]
    ids_count: int
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)


def rows_of_partition(partitions: Partitions, number: int, *, now: int) -> RowsOfLeads:
    """Reads one partition as rows of the store.

    Args:
        partitions: all of them.
        number: of the partition.
        now: microseconds UTC; what lies more than five minutes after it is refused.
    """
    raw, findings = _with_displayed(partitions.raw(number)), Findings()
    types = _types(partitions)
    leads = read_ids(raw, findings, types, {}) if "leads" in raw.tables else None
    if leads is None:
        return RowsOfLeads(_NO_ROWS, 0)
    places = _Places(leads, _storable_leads(leads, now=now))
    rows = _rows(raw, "outcomes", findings)
    sent = None if rows is None else read_usable_outcomes(rows, leads)
    days = NO_OUTCOME_DAYS if rows is None or sent is None else days_of_outcomes(rows, leads, sent)
    attributes = _attributes(raw, leads, types, days, findings)
    stored = RowsOfLeads(
        {
            "leads": _leads_table(leads, places),
            "attribute_changes": _changes_table(attributes, leads, places, partitions.layout.settings),
            "outcomes": _outcomes_table(sent, leads, places, now=now),
            "interactions": _interactions_table(raw, leads, places, days, findings, now=now),
        },
        places.count,
    )
    stored.left_out.update(_left_out(findings, places))
    return stored


def _with_displayed(raw: RawTables) -> RawTables:
    """Has the attributes that are shown only read, too: people see them beside the lead, no model does."""
    attributes = {
        name: replace(said, use=None) if said.use == "display" else said
        for name, said in raw.settings.attributes.items()
    }
    return replace(raw, settings=replace(raw.settings, attributes=attributes))


def _types(partitions: Partitions) -> dict[str, AttributeType]:
    """Gives the types of all attributes; what is shown only is text, as it stands."""
    shown = partitions.layout.settings.displayed
    return {**partitions.attribute_types, **dict.fromkeys(shown, "category")}


def left_out_by(findings: Findings, *, tables: Sequence[str]) -> dict[str, dict[str, int]]:
    """Counts the rows that a history leaves out, by table and reason."""
    counts: dict[str, Counter[str]] = {}
    for finding in findings.found():
        if finding.code in _REASONS and finding.table in tables:
            counts.setdefault(finding.table, Counter())[_REASONS[finding.code]] += finding.count
    return {table: dict(by_reason) for table, by_reason in counts.items()}


class _Places:
    """Numbers the ids under which rows are stored, and counts what is refused."""

    def __init__(self, leads: Leads, reasons: npt.NDArray[np.object_]) -> None:
        is_stored: Bools = np.array([reason is None for reason in reasons.tolist()], np.bool_)
        is_lead = np.ones(len(reasons), np.bool_) if leads.is_lead is None else leads.is_lead
        self.leads: Ints = np.flatnonzero(is_stored & is_lead)
        self.count = int(is_stored.sum())
        self._place = np.where(is_stored, np.cumsum(is_stored) - 1, -1)
        self.refused: dict[str, Counter[str]] = {"leads": Counter(reasons[~is_stored & is_lead].tolist())}
        self.created_at = leads.created_at

    def of(self, lead: Ints) -> Ints:
        """Gives the places of leads, -1 for a lead that is refused."""
        return self._place[lead]

    def keep(self, table: str, lead: Ints, faults: Mapping[str, Bools]) -> Ints:
        """Gives the positions of rows that are stored, and counts the others by their first fault."""
        left = np.ones(len(lead), np.bool_)
        counts = self.refused.setdefault(table, Counter())
        for reason, is_at_fault in {"refused_lead": self.of(lead) < 0, **faults}.items():
            counts[reason] += int((left & is_at_fault).sum())
            left &= ~is_at_fault
        return np.flatnonzero(left)


def _left_out(findings: Findings, places: _Places) -> dict[str, dict[str, int]]:
    total = {table: Counter(counts) for table, counts in places.refused.items()}
    for table, counts in left_out_by(findings, tables=(INTERACTIONS,)).items():
        total.setdefault(table, Counter()).update(counts)
    return {
        table: {reason: count for reason, count in counts.items() if count} for table, counts in total.items()
    }


def _storable_leads(leads: Leads, *, now: int) -> npt.NDArray[np.object_]:
    """Gives None for a lead that is stored, else the reason why it is not."""
    reasons = np.full(len(leads.ids), None, object)
    reasons[leads.created_at > now + AHEAD_US] = AHEAD
    reasons[_is_unstorable(leads.ids, MOST_NAME, barred=_NO_ID)] = UNSTORABLE
    return reasons


def _is_unstorable(texts: pa.Array, most: int, *, barred: str) -> Bools:
    """Finds texts that are longer than the store takes, or hold characters that it does not take."""
    is_long = pc.greater(pc.utf8_length(texts), most)
    return np.asarray(pc.or_(is_long, pc.match_substring_regex(texts, barred)), np.bool_)


def _rows_unstorable(texts: Texts, most: int, *, barred: str) -> Bools:
    return np.append(_is_unstorable(texts.values, most, barred=barred), False)[texts.codes]


def _texts(codes: npt.NDArray[np.integer[Any]], values: pa.Array | Sequence[str]) -> pa.Array:
    """Gives the text of each code, null for -1."""
    texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return texts.take(pa.array(codes, mask=codes < 0))


def _leads_table(leads: Leads, places: _Places) -> pa.Table:
    stored = places.leads
    account = None if leads.account is None else _texts(leads.account.codes[stored], leads.account.values)
    return pa.table(
        {
            "lead": pa.array(places.of(stored)),
            "lead_id": leads.ids.take(pa.array(stored)),
            "created_at": leads.created_at[stored],
            "account_id": pa.nulls(len(stored), pa.string()) if account is None else account,
        }
    )


def _attributes(
    raw: RawTables,
    leads: Leads,
    types: Mapping[str, AttributeType],
    days: OutcomeDays,
    findings: Findings,
) -> Mapping[str, Attribute]:
    if "attribute_changes" not in raw.tables:
        return leads.attributes
    rows = open_rows(raw, "attribute_changes", findings)
    return read_changes(rows, leads, attribute_types=types, days=days)


_CHANGES: Final = pa.schema(
    [
        ("lead", pa.int64()),
        ("lead_id", pa.string()),
        ("attribute", pa.string()),
        ("type", pa.string()),
        ("value", pa.string()),
        ("available_at", pa.int64()),
    ]
)


def _changes_table(
    attributes: Mapping[str, Attribute], leads: Leads, places: _Places, settings: HistorySettings
) -> pa.Table:
    """Gives every value with the moment from which it is known: creation, the export, or its change."""
    parts = [_CHANGES.empty_table()]
    for name, attribute in attributes.items():
        lead, known, values = _values_of(attribute, _given_at(name, leads, settings))
        kept = places.keep("attribute_changes", lead, {})
        lead, known, values = lead[kept], known[kept], values[kept]
        is_there = ~np.isnan(values)
        count = len(lead)
        parts.append(
            pa.table(
                [
                    pa.array(places.of(lead)),
                    leads.ids.take(pa.array(lead)),
                    pa.array([name]).take(pa.array(np.zeros(count, np.int64))),
                    pa.array([attribute.type]).take(pa.array(np.zeros(count, np.int64), mask=~is_there)),
                    _value_texts(attribute, values),
                    pa.array(known),
                ],
                schema=_CHANGES,
            )
        )
    table = pa.concat_tables(parts).combine_chunks()
    order = order_rows(np.asarray(table["lead"]), np.asarray(table["available_at"]), [])
    return table.take(pa.array(order))


def _given_at(name: str, leads: Leads, settings: HistorySettings) -> Ints:
    """Gives the moments from which the values of an attribute in the table of leads are known: the creations.

    What is known only as of the export may have been filled in after the sale: it counts from the export on,
    unless the settings say that it is a feature all the same.
    """
    said = settings.attribute(name)
    if said.known != "export" or said.use == "feature" or settings.exported_at is None:
        return leads.created_at
    return np.maximum(leads.created_at, settings.exported_at)


def _values_of(attribute: Attribute, given_at: Ints) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """Gives lead, moment and value of each value of an attribute.

    Of several values at one moment the last counts. The values of the table of leads count from `given_at`
    on, where no change is as early.
    """
    changes = attribute.changes
    if changes is None:
        lead = np.flatnonzero(~np.isnan(attribute.values))
        return lead, given_at[lead], attribute.values[lead]
    owner = np.repeat(np.arange(len(given_at)), np.diff(changes.starts))
    is_last = np.ones(len(owner), np.bool_)
    is_last[:-1] = (owner[1:] != owner[:-1]) | (changes.available_at[1:] != changes.available_at[:-1])
    has_early = np.zeros(len(given_at), np.bool_)
    has_early[owner[changes.available_at <= given_at[owner]]] = True
    lead = np.flatnonzero(~np.isnan(attribute.values) & ~has_early)
    return (
        np.concatenate([lead, owner[is_last]]),
        np.concatenate([given_at[lead], changes.available_at[is_last]]),
        np.concatenate([attribute.values[lead], changes.values[is_last]]),
    )


def _value_texts(attribute: Attribute, values: npt.NDArray[np.float64]) -> pa.Array:
    codes, distinct = np.full(len(values), -1, np.int64), np.empty(0)
    is_there = ~np.isnan(values)
    if attribute.type == "category":
        codes[is_there] = values[is_there].astype(np.int64)
        return _texts(codes, attribute.categories)
    distinct, codes[is_there] = np.unique(values[is_there], return_inverse=True)
    write = float_text if attribute.type == "number" else _boolean_text
    return _texts(codes, [write(value) for value in distinct.tolist()])


def _boolean_text(value: float) -> str:
    return "true" if value else "false"


def _outcomes_table(sent: SentOutcomes | None, leads: Leads, places: _Places, *, now: int) -> pa.Table:
    if sent is None:
        return _OUTCOMES.empty_table()
    own = sent.usable
    lead, occurred_at, known = sent.lead[own], sent.occurred_at[own], sent.available_at[own]
    source, outcome_id = _own(sent.source, own), _own(sent.outcome_id, own)
    faults = {
        AHEAD: occurred_at > now + AHEAD_US,
        UNSTORABLE: _rows_unstorable(source, MOST_SOURCE, barred=_NUL)
        | _rows_unstorable(outcome_id, MOST_ID, barred=_NO_ID),
    }
    kept = places.keep("outcomes", lead, faults)
    outcome, amount = sent.outcome[own], sent.amount[own]
    ties = [column[kept] for column in (occurred_at, outcome, amount)]
    kept = kept[order_rows(lead[kept], known[kept], ties)]
    table = pa.table(
        [
            pa.nulls(len(kept), pa.binary()),
            _or_no_source(source, kept),
            leads.ids.take(pa.array(lead[kept])),
            _texts(_codes_of(outcome[kept]), [*_OUTCOME_NAMES.values()]),
            pa.array(occurred_at[kept]),
            pa.array(known[kept]),
            pa.array(amount[kept], mask=np.isnan(amount[kept])),
            _texts(outcome_id.codes[kept], outcome_id.values),
            pa.array(places.of(lead[kept])),
        ],
        schema=_OUTCOMES,
    )
    return table.set_column(0, "key", pa.array(_outcome_keys(table), pa.binary()))


_OUTCOMES: Final = pa.schema(
    [
        ("key", pa.binary()),
        ("source", pa.string()),
        ("lead_id", pa.string()),
        ("outcome", pa.string()),
        ("occurred_at", pa.int64()),
        ("available_at", pa.int64()),
        ("amount", pa.float64()),
        ("outcome_id", pa.string()),
        ("lead", pa.int64()),
    ]
)


def _codes_of(outcome: npt.NDArray[np.int8]) -> Ints:
    """Gives the places of outcomes among their names."""
    place = np.zeros(max(_OUTCOME_NAMES) + 1, np.int64)
    place[[*_OUTCOME_NAMES]] = np.arange(len(_OUTCOME_NAMES))
    return place[outcome]


def _outcome_keys(table: pa.Table) -> list[bytes]:
    """Makes the keys that the same outcomes have over HTTP; of equal ones all but the first are numbered."""
    columns = ("source", "lead_id", "outcome", "occurred_at", "available_at", "outcome_id")
    seen: Counter[tuple[str, ...]] = Counter()
    keys = []
    for source, lead_id, outcome, occurred_at, known, id_ in zip(
        *(table[name].to_pylist() for name in columns), strict=True
    ):
        key = (source, lead_id, *((outcome, str(occurred_at)) if id_ is None else (id_, str(known))))
        keys.append(fingerprint(*key, *([f"#{seen[key]}"] if seen[key] else [])))
        seen[key] += 1
    return keys


def _rows(raw: RawTables, table: str, findings: Findings) -> Rows | None:
    return open_rows(raw, table, findings) if table in raw.tables else None


def _own(texts: Texts, rows: Ints) -> Texts:
    return Texts(texts.codes[rows], texts.values)


def _or_no_source(source: Texts, rows: Ints) -> pa.Array:
    return _texts(source.codes[rows], source.values).fill_null(NO_SOURCE)


_INTERACTIONS: Final = pa.schema(
    [
        ("source", pa.string()),
        ("interaction_id", pa.string()),
        ("lead_id", pa.string()),
        ("kind", pa.string()),
        ("occurred_at", pa.int64()),
        ("available_at", pa.int64()),
        ("direction", pa.string()),
        ("channel", pa.string()),
        ("campaign", pa.string()),
        ("value", pa.float64()),
        ("content", pa.binary()),
        ("lead", pa.int64()),
    ]
)


def _interactions_table(
    raw: RawTables, leads: Leads, places: _Places, days: OutcomeDays, findings: Findings, *, now: int
) -> pa.Table:
    rows = _rows(raw, INTERACTIONS, findings)
    counted = None if rows is None else read_counted(rows, leads, duplicates=raw.duplicates)
    if rows is None or counted is None:
        return _INTERACTIONS.empty_table()
    found, positions = counted[0].known_after(days), counted[1]
    source, id_ = _own(rows.texts("source"), positions), _own(rows.texts("interaction_id"), positions)
    names = [_own(rows.texts(name), positions) for name in ("kind", "channel", "campaign")]
    is_unstorable = _rows_unstorable(source, MOST_SOURCE, barred=_NUL)
    is_unstorable |= _rows_unstorable(id_, MOST_ID, barred=_NO_ID)
    for texts in names:
        is_unstorable |= _rows_unstorable(texts, MOST_NAME, barred=_NUL)
    faults = {AHEAD: found.occurred_at > now + AHEAD_US, UNSTORABLE: is_unstorable}
    kept = places.keep(INTERACTIONS, found.lead, faults)
    kept = kept[order_rows(found.lead[kept], found.available_at[kept], [tie[kept] for tie in found.ties()])]
    table = _table_of(found, kept, _directions(rows, positions), leads, places)
    content = contents_of_interactions(table)
    ids = _with_own_ids(_texts(id_.codes[kept], id_.values), table, content)
    return pa.table(
        [
            _or_no_source(source, kept),
            ids,
            *table.columns[:-1],
            pa.array(content, pa.binary()),
            table["lead"],
        ],
        schema=_INTERACTIONS,
    )


def _directions(rows: Rows, positions: Ints) -> Ints:
    """Reads directions as they were sent: what the store holds is not filled with that of the kind."""
    texts = rows.texts("direction")
    names = [*DIRECTIONS]
    place = [names.index(name) if name in DIRECTIONS else -1 for name in texts.values.to_pylist()]
    return np.array([*place, -1])[texts.codes[positions]]


def _table_of(
    found: InteractionRows, kept: Ints, directions: Ints, leads: Leads, places: _Places
) -> pa.Table:
    return pa.table(
        {
            "lead_id": leads.ids.take(pa.array(found.lead[kept])),
            "kind": _texts(found.kind.codes[kept], found.kind.values),
            "occurred_at": found.occurred_at[kept],
            "available_at": found.available_at[kept],
            "direction": _texts(directions[kept], [*DIRECTION_NAMES.values()]),
            "channel": _texts(found.channel.codes[kept], found.channel.values),
            "campaign": _texts(found.campaign.codes[kept], found.campaign.values),
            "value": pa.array(found.value[kept], mask=np.isnan(found.value[kept])),
            "lead": places.of(found.lead[kept]),
        }
    )


def _with_own_ids(ids: pa.Array, table: pa.Table, content: Sequence[bytes]) -> pa.Array:
    """Gives each row without an id the hash of its content, and its ordinal among equal rows.

    The hash begins with that of the lead, so that the rows of a lead lie together in the index of ids.
    """
    without = np.flatnonzero(np.asarray(ids.is_null()))
    if not len(without):
        return ids
    encoded = pc.dictionary_encode(table["lead_id"].take(pa.array(without)).combine_chunks())
    leads = [fingerprint(lead_id)[:_LEAD_BYTES].hex() for lead_id in encoded.dictionary.to_pylist()]
    hashes = pa.array([content[row].hex() for row in without.tolist()], pa.string())
    texts = pc.binary_join_element_wise(pa.array(leads, pa.string()).take(encoded.indices), hashes, "")
    codes = np.asarray(pc.dictionary_encode(texts).indices, np.int64)
    own = pc.binary_join_element_wise(texts, pa.array(_ordinals(codes)).cast(pa.string()), "#")
    return pc.replace_with_mask(ids, ids.is_null(), own)


def _ordinals(codes: Ints) -> Ints:
    """Numbers the equal ones from 0, in their order.

    >>> _ordinals(np.array([4, 7, 4, 4])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(codes, kind="stable")
    first = np.concatenate(([True], codes[order][1:] != codes[order][:-1]))
    ordinals = np.empty(len(codes), np.int64)
    ordinals[order] = np.arange(len(codes)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    return ordinals


# Of a partition without leads.
_NO_ROWS: Final = {
    "leads": pa.table(
        {
            "lead": pa.array([], pa.int64()),
            "lead_id": pa.array([], pa.string()),
            "created_at": pa.array([], pa.int64()),
            "account_id": pa.array([], pa.string()),
        }
    ),
    "attribute_changes": _CHANGES.empty_table(),
    "outcomes": _OUTCOMES.empty_table(),
    INTERACTIONS: _INTERACTIONS.empty_table(),
}
