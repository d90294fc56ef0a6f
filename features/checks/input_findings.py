"""Compares what a model reads with what a history has: columns, types, values, kinds and ids.

The same rule serves a history that is scored as a whole and one that is scored in partitions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from features.checks.model_inputs import (
    CHANGES,
    CHANNEL,
    DIRECTION,
    KNOWN,
    NAMES_SHOWN,
    OUTCOMES,
    VALUE,
    InputCounts,
    ModelInputs,
    few_kinds,
    spelling,
)
from features.findings.input_codes import GONE, LEFT_OUT, change_expected
from features.findings.problems import Finding, Findings, Problem
from features.history.lead_history import AttributeType
from features.times import format_time

_LEADS: Final = "leads"
_INTERACTIONS: Final = "interactions"
# What becomes of the scores without a table.
_WITHOUT: Final = {
    OUTCOMES: "every lead counts as open",
    CHANGES: "every attribute has the value that leads has",
}
# A kind is missed where so many leads would have it. Fewer are enough where kinds that nobody knows are
# there: it was probably renamed. By chance a kind of 20 leads is absent once in 500 million histories, a kind
# of 5 leads once in 150 (Poisson).
_LEADS_EXPECTED: Final = 20
_LEADS_OF_A_RENAMED_KIND: Final = 5
# Fewer interactions of kinds that the model does not know may be honest.
_MANY_ROWS: Final = 20


def compare_inputs(
    inputs: ModelInputs,
    counts: InputCounts,
    *,
    columns: Mapping[str, Collection[str]],
    found: Iterable[Finding],
    alike_ids: Mapping[str, str],
    accepted: Collection[str] = (),
    as_of: int | None = None,
) -> tuple[Problem, ...]:
    """Lists which inputs of a model a history lacks, in whole or in part.

    Args:
        inputs: of the model.
        counts: of the history.
        columns: names of the columns, by table.
        found: findings of reading the history with the types of the model.
        alike_ids: by id that is no lead's, the id of a lead that differs only in spaces, case or zeros.
        accepted: columns, as `column` or `table.column`, and tables of which nothing is said.
        as_of: moment of the scores, microseconds UTC; None: all rows count as known.

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
            *_of_directions(inputs, counts, columns.get(_INTERACTIONS, ()), seen),
            *_of_tables(inputs, counts, columns),
            *_of_moments(inputs, counts, as_of),
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
        and not (_expects_directions(inputs) and finding.code == "D027")
        and not accepted_by(finding, accepted)
    )
    return findings.problems()


def accepted_by(finding: Finding, accepted: Collection[str]) -> bool:
    """Tells whether a finding is about an accepted column."""
    name = finding.column or finding.table
    return name in accepted or f"{finding.table}.{finding.column}" in accepted


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
            "number" if column == VALUE else "category",
            filled=counts.filled.get(f"column {column}", 0),
            rows=rows,
            names=columns.get(table, ()),
            faulty=[each for each in found if _is_other_type(each, column, table)],
        )
    filled, known = (cells.get(f"column {CHANNEL}", 0) for cells in (counts.filled, counts.known))
    if filled and inputs.channels and not known:
        yield Finding.of("D094", table=_INTERACTIONS, column=CHANNEL, count=filled)


def _of_cells(
    table: str,
    column: str,
    type_: str,
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
        alike = [name for name in names if spelling(name) == spelling(column)]
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


def _expects_directions(inputs: ModelInputs) -> bool:
    """Tells whether the model reads directions, and interactions of the training had ones of their own."""
    return inputs.reads_direction and inputs.training_rows.get(DIRECTION, 0) > 0


def _of_directions(
    inputs: ModelInputs, counts: InputCounts, names: Collection[str], found: Collection[Finding]
) -> Iterator[Finding]:
    if not counts.interactions or not _expects_directions(inputs):
        return
    filled, faulty = counts.rows.get(DIRECTION, 0), [each for each in found if each.code == "D027"]
    expected = inputs.training_rows[DIRECTION] * counts.leads
    # Each row may have the usual direction of its kind.
    if not faulty and (filled or (DIRECTION in names and expected < _LEADS_EXPECTED)):
        return
    rows = counts.interactions
    yield from _of_cells(
        _INTERACTIONS, DIRECTION, DIRECTION, filled=filled, rows=rows, names=names, faulty=faulty
    )


def _of_tables(
    inputs: ModelInputs, counts: InputCounts, columns: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """Finds tables of which the training had rows, and that are absent, or empty where some are expected."""
    for table, effect in _WITHOUT.items():
        expected = inputs.training_rows.get(table, 0) * counts.leads
        is_empty = not counts.rows.get(table, 0)
        if is_empty and expected and (table not in columns or expected >= _LEADS_EXPECTED):
            yield Finding.of("D107", table=table, effect=effect)


def _of_moments(inputs: ModelInputs, counts: InputCounts, as_of: int | None) -> Iterator[Finding]:
    if as_of is None or not inputs.reads_interactions or counts.interactions < _MANY_ROWS:
        return
    if not counts.rows.get(KNOWN, 0):
        count, moment = counts.interactions, format_time(as_of)
        yield Finding.of("D108", table=_INTERACTIONS, column="available_at", count=count, as_of=moment)


def _of_kinds(inputs: ModelInputs, counts: InputCounts) -> Iterator[Finding]:
    other = {kind: rows for kind, rows in counts.kinds.items() if kind not in inputs.kinds}
    is_unknown = bool(inputs.kinds) and not counts.kinds.keys() - other.keys()
    if is_unknown and (other or counts.interactions >= _MANY_ROWS):
        shown = few_kinds([*other, *counts.foreign]) or ("other built-in kinds",)
        yield _of_kind("D097", counts.interactions, kinds=", ".join(shown[:NAMES_SHOWN]))
        return
    if other:
        known = {spelling(kind): kind for kind in sorted(inputs.kinds)}
        pairs = [f"{kind} for {known[spelling(kind)]}" for kind in sorted(other)]
        yield _of_kind("D098", sum(other.values()), kinds=", ".join(pairs[:NAMES_SHOWN]))
    spelled = {spelling(kind) for kind in other}
    least = _LEADS_OF_A_RENAMED_KIND if counts.foreign else _LEADS_EXPECTED
    for kind in sorted(inputs.kind_shares):
        expected = inputs.kind_shares[kind] * counts.leads
        if expected >= least and not counts.kinds.get(kind) and spelling(kind) not in spelled:
            yield _of_kind("D099", round(expected), kinds=kind)


def _of_kind(code: str, count: int, *, kinds: str) -> Finding:
    return Finding.of(code, table=_INTERACTIONS, column="kind", count=count, kinds=kinds)


def _is_other_type(finding: Finding, column: str, table: str) -> bool:
    is_type = finding.code in ("D031", "D034")
    return is_type and (finding.table, finding.column) == (table, column)


def _is_other_change(finding: Finding, attribute: str, type_: AttributeType) -> bool:
    """Tells whether values of an attribute in `attribute_changes` are of another type."""
    is_change = (finding.code, finding.table) == ("D031", CHANGES)
    return is_change and dict(finding.facts)["expected"] == change_expected(type_, attribute)
