"""Compares what a model reads with what a history has: columns, types, values, kinds and ids.

The same rule serves a history that is scored as a whole and one that is scored in partitions: counts of
partitions are added up, and compared once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.catalog.measures import MEASURES
from features.catalog.spec import Feature
from features.engine.selections import OF_CHANNELS, OF_VALUES
from features.findings.input_codes import GONE, LEFT_OUT, change_expected
from features.findings.problems import Finding, Findings, Problem
from features.history.kinds import DIRECTION_OF_KIND
from features.history.lead_history import AttributeType, LeadHistory

_LEADS: Final = "leads"
_INTERACTIONS: Final = "interactions"
_CHANGES: Final = "attribute_changes"
_CHANNEL, _CAMPAIGN, _VALUE = "channel", "campaign", "value"
# A kind is missed where so many leads would have it. Fewer are enough where kinds that nobody knows are
# there: it was probably renamed. By chance a kind of 20 leads is absent once in 500 million histories, a kind
# of 5 leads once in 150 (Poisson).
_LEADS_EXPECTED: Final = 20
_LEADS_OF_A_RENAMED_KIND: Final = 5
# Fewer interactions of kinds that the model does not know may be honest.
_MANY_ROWS: Final = 20
_NAMES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """What a model reads of a history.

    Attributes:
        attributes: types by attribute name.
        categories: by attribute that is a category, the values that the model knows.
        kinds: of interactions, that a feature names.
        kind_shares: by kind, the least share of the examples of the training that had it, where known.
        columns: of `interactions`, besides those that are required.
        channels: of interactions, that the model knows.
        reads_interactions: whether any feature is measured over interactions.
        reads_account: whether a feature is measured over the whole account.
    """

    attributes: Mapping[str, AttributeType]
    categories: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    kind_shares: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    channels: frozenset[str] = frozenset()
    reads_interactions: bool = False
    reads_account: bool = False


def inputs_of_features(
    features: Collection[Feature],
    *,
    categories: Mapping[str, Collection[str]],
    kind_shares: Mapping[str, float],
) -> ModelInputs:
    """Collects what some features read.

    Args:
        features: those that the model uses.
        categories: by name of a feature that is a category, the values that the model knows.
        kind_shares: see `ModelInputs`.
    """
    measures = {feature.measure for feature in features}
    channels = {feature.channel for feature in features if feature.channel}
    reads = {
        _CHANNEL: bool(channels) or not measures.isdisjoint(OF_CHANNELS | {"distinct_channels"}),
        _CAMPAIGN: "distinct_campaigns" in measures,
        _VALUE: not measures.isdisjoint(OF_VALUES),
    }
    return ModelInputs(
        attributes={feature.attribute: feature.type for feature in features if feature.attribute},
        categories={
            feature.attribute: frozenset(categories[feature.name])
            for feature in features
            if feature.attribute and feature.name in categories
        },
        kinds=frozenset(kind for feature in features for kind in (*feature.kinds, *feature.before_kinds)),
        kind_shares=kind_shares,
        columns=tuple(column for column, is_read in reads.items() if is_read),
        channels=frozenset(channels).union(
            *(categories.get(feature.name, ()) for feature in features if feature.measure in OF_CHANNELS)
        ),
        reads_interactions=any(MEASURES[measure].of_interactions for measure in measures),
        reads_account=any(feature.scope == "account" for feature in features),
    )


@dataclass(frozen=True, slots=True)
class InputCounts:
    """What a history, or one partition of it, has of the inputs of a model.

    Attributes:
        leads: number of leads.
        interactions: number of interactions of these leads.
        filled: by attribute or column, the number of cells with a value.
        known: by attribute that is a category, and for the channel, the number of cells with a value that the
            model knows.
        kinds: interactions by kind, of the kinds that the model knows and those that read like one of them.
        foreign: a few kinds that neither the model nor the built-in vocabulary knows, rising.
    """

    leads: int = 0
    interactions: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()

    def merged(self, other: InputCounts) -> InputCounts:
        """Adds the counts of another partition."""
        return InputCounts(
            self.leads + other.leads,
            self.interactions + other.interactions,
            dict(Counter(self.filled) + Counter(other.filled)),
            dict(Counter(self.known) + Counter(other.known)),
            dict(Counter(self.kinds) + Counter(other.kinds)),
            _few([*self.foreign, *other.foreign]),
        )

    def to_json(self) -> dict[str, Any]:
        """Writes the counts as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> InputCounts:
        """Reads what `to_json` wrote."""
        return cls(**{**record, "foreign": tuple(record["foreign"])})


NO_COUNTS: Final = InputCounts()


def count_inputs(inputs: ModelInputs, history: LeadHistory) -> InputCounts:
    """Counts what a history has of the inputs of a model."""
    rows = history.interactions
    filled = {
        "account_id": int((history.account >= 0).sum()),
        _CHANNEL: int((rows.channel.codes >= 0).sum()),
        _CAMPAIGN: int((rows.campaign.codes >= 0).sum()),
        _VALUE: int(np.isfinite(rows.value).sum()),
    }
    # An attribute may have the name of a column of another table.
    filled = {f"column {name}": count for name, count in filled.items()}
    is_channel = np.array([channel in inputs.channels for channel in rows.channel.values], dtype=np.bool_)
    known = {f"column {_CHANNEL}": int(is_channel[rows.channel.codes[rows.channel.codes >= 0]].sum())}
    for name in inputs.attributes.keys() & history.attributes.keys():
        attribute = history.attributes[name]
        cells = (
            attribute.values
            if attribute.changes is None
            else np.append(attribute.values, attribute.changes.values)
        )
        cells = cells[~np.isnan(cells)]
        filled[name] = len(cells)
        if name in inputs.categories and attribute.type == "category":
            is_known = np.array([value in inputs.categories[name] for value in attribute.categories])
            known[name] = int(is_known[cells.astype(np.int64)].sum()) if len(cells) else 0
    kinds = dict(zip(rows.kind.values, np.bincount(rows.kind.codes, minlength=0).tolist(), strict=False))
    spellings = {_spelling(kind) for kind in inputs.kinds}
    return InputCounts(
        history.leads_count,
        len(rows.occurred_at),
        filled,
        known,
        {kind: count for kind, count in kinds.items() if count and _spelling(kind) in spellings},
        _few(
            kind
            for kind, count in kinds.items()
            if count and _spelling(kind) not in spellings and kind not in DIRECTION_OF_KIND
        ),
    )


def compare_inputs(
    inputs: ModelInputs,
    counts: InputCounts,
    *,
    columns: Mapping[str, Collection[str]],
    found: Iterable[Finding],
    alike_ids: Mapping[str, str],
    accepted: Collection[str] = (),
) -> tuple[Problem, ...]:
    """Lists which inputs of a model a history lacks, in whole or in part.

    Args:
        inputs: of the model.
        counts: of the history.
        columns: names of the columns, by table.
        found: findings of reading the history with the types of the model.
        alike_ids: by id that is no lead's, the id of a lead that differs only in spaces, case or zeros.
        accepted: columns, as `column` or `table.column`, of which nothing is said.

    Returns:
        The problems by code, table and column; `is_gone` tells whether all of an input is missing.
    """
    if not counts.leads:
        return ()
    seen = tuple(found)
    problems = [
        finding.problem()
        for finding in (
            *_of_attributes(inputs, counts, columns.get(_LEADS, ()), seen),
            *_of_columns(inputs, counts, columns, seen),
            *_of_interactions(inputs, counts, seen, alike_ids),
        )
        if accepted_by(finding, accepted) is False
    ]
    return tuple(sorted(problems, key=lambda problem: (problem.code, problem.table, problem.column)))


def rows_left_out(
    inputs: ModelInputs, found: Iterable[Finding], *, accepted: Collection[str] = ()
) -> tuple[Problem, ...]:
    """Words the findings of rows that a scoring leaves out, without those that `compare_inputs` words.

    Arguments as for `compare_inputs`.
    """
    findings = Findings()
    findings.absorb(
        finding
        for finding in found
        if finding.code in LEFT_OUT
        and not (inputs.reads_interactions and (finding.code, finding.table) == ("D021", _INTERACTIONS))
        and not accepted_by(finding, accepted)
    )
    return findings.problems()


def accepted_by(finding: Finding, accepted: Collection[str]) -> bool:
    """Tells whether a finding is about an accepted column."""
    return finding.column in accepted or f"{finding.table}.{finding.column}" in accepted


def is_gone(problems: Iterable[Problem]) -> bool:
    """Tells whether all of an input is missing."""
    return any(problem.code in GONE for problem in problems)


def _of_attributes(
    inputs: ModelInputs, counts: InputCounts, names: Collection[str], found: Collection[Finding]
) -> Iterator[Finding]:
    for name, type_ in sorted(inputs.attributes.items()):
        faulty = [
            each
            for each in found
            if _is_other_type(each, name, _LEADS) or _is_other_change(each, name, type_)
        ]
        yield from _of_cells(
            _LEADS,
            name,
            type_,
            filled=counts.filled.get(name, 0),
            rows=counts.leads,
            names=names,
            faulty=faulty,
        )
        filled = counts.filled.get(name, 0)
        if filled and inputs.categories.get(name) and not counts.known.get(name, 0):
            yield Finding.of("D094", table=_LEADS, column=name, count=filled)


def _of_columns(
    inputs: ModelInputs,
    counts: InputCounts,
    columns: Mapping[str, Collection[str]],
    found: Collection[Finding],
) -> Iterator[Finding]:
    reads = [(_LEADS, "account_id", counts.leads)] if inputs.reads_account else []
    if counts.interactions:
        reads += [(_INTERACTIONS, column, counts.interactions) for column in inputs.columns]
    for table, column, rows in reads:
        yield from _of_cells(
            table,
            column,
            "number" if column == _VALUE else "category",
            filled=counts.filled.get(f"column {column}", 0),
            rows=rows,
            names=columns.get(table, ()),
            faulty=[each for each in found if _is_other_type(each, column, table)],
        )
    filled, known = (cells.get(f"column {_CHANNEL}", 0) for cells in (counts.filled, counts.known))
    if filled and inputs.channels and not known:
        yield Finding.of("D094", table=_INTERACTIONS, column=_CHANNEL, count=filled)


def _of_cells(
    table: str,
    column: str,
    type_: AttributeType,
    *,
    filled: int,
    rows: int,
    names: Collection[str],
    faulty: Collection[Finding],
) -> Iterator[Finding]:
    """Compares one column with its use."""
    count = sum(finding.count for finding in faulty)
    ids = [lead_id for finding in faulty for lead_id in finding.ids]
    if faulty:
        code = "D093" if filled else "D092"
        yield Finding.of(code, table=table, column=column, count=count, ids=ids, expected=type_)
    elif not filled and column in names:
        yield Finding.of("D091", table=table, column=column, count=rows)
    elif not filled:
        alike = [name for name in names if _spelling(name) == _spelling(column)]
        near = f" (there is {alike[0]})" if alike else ""
        yield Finding.of("D090", table=table, column=column, count=rows, near=near)


def _of_interactions(
    inputs: ModelInputs, counts: InputCounts, found: Collection[Finding], alike_ids: Mapping[str, str]
) -> Iterator[Finding]:
    if not inputs.reads_interactions:
        return
    unmatched = [each for each in found if (each.code, each.table) == ("D021", _INTERACTIONS)]
    for finding in unmatched:
        near = "".join(f'; "{other}" reads like {own}' for other, own in sorted(alike_ids.items())[:1])
        code = "D096" if counts.interactions else "D095"
        yield Finding.of(
            code, table=_INTERACTIONS, column="lead_id", count=finding.count, ids=finding.ids, near=near
        )
    if counts.interactions:
        yield from _of_kinds(inputs, counts)
    elif not unmatched:
        yield Finding.of("D091", table=_INTERACTIONS, column="kind", count=0)


def _of_kinds(inputs: ModelInputs, counts: InputCounts) -> Iterator[Finding]:
    other = {kind: rows for kind, rows in counts.kinds.items() if kind not in inputs.kinds}
    is_unknown = bool(inputs.kinds) and not counts.kinds.keys() - other.keys()
    if is_unknown and (other or counts.interactions >= _MANY_ROWS):
        shown = _few([*other, *counts.foreign]) or ("other built-in kinds",)
        yield _of_kind("D097", counts.interactions, kinds=", ".join(shown[:_NAMES_SHOWN]))
        return
    if other:
        known = {_spelling(kind): kind for kind in sorted(inputs.kinds)}
        pairs = [f"{kind} for {known[_spelling(kind)]}" for kind in sorted(other)]
        yield _of_kind("D098", sum(other.values()), kinds=", ".join(pairs[:_NAMES_SHOWN]))
    spelled = {_spelling(kind) for kind in other}
    least = _LEADS_OF_A_RENAMED_KIND if counts.foreign else _LEADS_EXPECTED
    for kind in sorted(inputs.kind_shares):
        expected = inputs.kind_shares[kind] * counts.leads
        if expected >= least and not counts.kinds.get(kind) and _spelling(kind) not in spelled:
            yield _of_kind("D099", round(expected), kinds=kind)


def _of_kind(code: str, count: int, *, kinds: str) -> Finding:
    return Finding.of(code, table=_INTERACTIONS, column="kind", count=count, kinds=kinds)


def _is_other_type(finding: Finding, column: str, table: str) -> bool:
    is_type = finding.code in ("D031", "D034")
    return is_type and (finding.table, finding.column) == (table, column)


def _is_other_change(finding: Finding, attribute: str, type_: AttributeType) -> bool:
    """Tells whether values of an attribute in `attribute_changes` are of another type."""
    is_change = (finding.code, finding.table) == ("D031", _CHANGES)
    return is_change and dict(finding.facts)["expected"] == change_expected(type_, attribute)


def alike_ids(unknown: Collection[str], lead_ids: pa.ChunkedArray | pa.Array) -> dict[str, str]:
    """Finds leads whose id differs from an unknown one only in spaces around it, case or zeros.

    Args:
        unknown: a few ids that are no lead's.
        lead_ids: of the leads.

    >>> alike_ids(["L1 ", "007", "x"], pa.array(["l1", "7", "8"]))
    {'L1 ': 'l1', '007': '7'}
    """
    # Imported late, as below: a server reads what a model needs, and looks for no ids in columns.
    import pyarrow.compute as pc

    if not unknown:
        return {}
    wanted = _plain_ids(pa.array(unknown, pa.string())).to_pylist()
    plain = _plain_ids(lead_ids)
    found = pc.filter(lead_ids, pc.is_in(plain, pa.array(wanted, pa.string())))
    by_plain = dict(zip(_plain_ids(found).to_pylist(), found.to_pylist(), strict=True))
    return {own: by_plain[text] for own, text in zip(unknown, wanted, strict=True) if text in by_plain}


def _plain_ids(ids: pa.ChunkedArray | pa.Array) -> Any:
    import pyarrow.compute as pc

    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(ids))
    return pc.utf8_ltrim(pc.replace_substring_regex(trimmed, pattern=r"\.0$", replacement=""), characters="0")


def _spelling(name: str) -> str:
    """Writes a name without case and separators.

    >>> _spelling("Email Opened"), _spelling("email_opened")
    ('emailopened', 'emailopened')
    """
    return re.sub(r"[\W_]+", "", name.casefold())


def _few(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names))[:_NAMES_SHOWN])
