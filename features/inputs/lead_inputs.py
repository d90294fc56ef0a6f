"""The history of a few leads from the rows of a request, built in tens of microseconds."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from features.history.categories import few_texts
from features.history.lead_history import Attribute, AttributeType, Categories, LeadHistory
from features.history.outcomes import OutcomeInput, outcomes_of
from features.history.settings import HistorySettings
from features.history.text_rule import TextRule, category_text
from features.inputs.interaction_inputs import NO_INTERACTIONS, InteractionInputs, interactions_of

AttributeValue = float | str | bool | None
DEFAULT_SETTINGS: Final = HistorySettings()
_PLAIN_TYPES: Final[Mapping[AttributeType, type]] = {"number": float, "boolean": bool, "category": str}


class LeadInput(NamedTuple):
    """One lead as a request brings it; rows that are not yet known may be among its interactions.

    Attributes:
        lead_id: id of the lead.
        created_at: microseconds UTC.
        account_id: id of its account; None where it has none: `account_interactions` are then ignored.
        attributes: by name; None is missing.
        interactions: of the lead.
        account_interactions: of all leads of the account, including this one; None where they are unknown.
        outcomes: all of them, in any order; none: the lead is open.
    """

    lead_id: str
    created_at: int
    account_id: str | None = None
    attributes: Mapping[str, AttributeValue] = MappingProxyType({})
    interactions: InteractionInputs = NO_INTERACTIONS
    account_interactions: InteractionInputs | None = None
    outcomes: Sequence[OutcomeInput] = ()


def history_of_leads(
    leads: Sequence[LeadInput],
    *,
    observed_until: int,
    attribute_types: Mapping[str, AttributeType] = MappingProxyType({}),
    settings: HistorySettings = DEFAULT_SETTINGS,
) -> LeadHistory:
    """Builds the same history, to the last bit, as reading tables that hold only these rows.

    Args:
        leads: one or more; the history keeps their order. The same lead may occur twice, with the rows of two
            requests. Leads with the same `account_id` are of one account where `account_interactions` is one
            object, else each has an account of its own.
        observed_until: microseconds UTC.
        attribute_types: types by attribute name; other types are inferred from the values.
        settings: of the model: the rule by which the cells are read, and which rows are left out as
            machine-made.
    """
    text_rule = settings.text_rule
    spellings = text_rule.spellings
    account, accounts = _accounts_of(leads, spellings)
    created_at = [lead.created_at for lead in leads]
    return LeadHistory(
        lead_ids=few_texts([lead.lead_id for lead in leads]),
        created_at=np.array(created_at),
        account=np.array(account, np.int32),
        attributes=_attributes(leads, attribute_types, text_rule),
        interactions=interactions_of([lead.interactions for lead in leads], created_at, settings),
        account_interactions=interactions_of(accounts, [0] * len(accounts), settings) if accounts else None,
        outcomes=outcomes_of([lead.outcomes for lead in leads], created_at),
        observed_until=observed_until,
        settings=HistorySettings(text_rule, machine_rules=settings.machine_rules),
        account_ids=_account_ids(leads, spellings),
    )


def _accounts_of(
    leads: Sequence[LeadInput], spellings: Collection[str]
) -> tuple[list[int], list[InteractionInputs]]:
    """Gives the account of each lead, -1 where it has none, and the interactions of each account."""
    account: list[int] = []
    accounts: list[InteractionInputs] = []
    # One object is one account: what several leads share is read and sorted once.
    row_of: dict[tuple[str, int], int] = {}
    for lead in leads:
        own, account_id = lead.account_interactions, lead.account_id
        if own is None or account_id is None or account_id in spellings:
            account.append(-1)
            continue
        row = row_of.setdefault((account_id, id(own)), len(accounts))
        account.append(row)
        if row == len(accounts):
            accounts.append(own)
    return account, accounts


def _account_ids(leads: Sequence[LeadInput], spellings: Collection[str]) -> Categories | None:
    ids = [None if lead.account_id in spellings else lead.account_id for lead in leads]
    values = tuple(sorted({id_ for id_ in ids if id_ is not None}))
    if not values:
        return None
    code_of = {id_: code for code, id_ in enumerate(values)}
    return Categories(np.array([-1 if id_ is None else code_of[id_] for id_ in ids], np.int32), values)


def _attributes(
    leads: Sequence[LeadInput], types: Mapping[str, AttributeType], rule: TextRule
) -> dict[str, Attribute]:
    """Builds attributes by the rules of the tables; an attribute without a value of its type is left out."""
    columns: dict[str, tuple[AttributeType, list[float], tuple[str, ...]]] = {}
    spellings = rule.spellings
    sent = [lead.attributes for lead in leads]
    for name in sorted({*chain.from_iterable(sent)}):
        cells = [attributes.get(name) for attributes in sent]
        type_ = types.get(name)
        if type_ is None:
            present = [cell for cell in cells if cell is not None and cell not in spellings]
            if not present:
                continue
            type_ = _type_of(present[0])
        if type_ == "category":
            codes, values = _category_codes(cells, rule)
            if values:
                columns[name] = type_, codes, values
            continue
        numbers = [_number(cell, type_, rule) for cell in cells]
        if any(map(math.isfinite, numbers)):
            columns[name] = type_, numbers, ()
    # One array with a row per attribute: many small arrays take longer than all other steps.
    rows = np.array([numbers for _, numbers, _ in columns.values()])
    return {
        name: Attribute(type_, row, categories)
        for row, (name, (type_, _, categories)) in zip(rows, columns.items(), strict=True)
    }


def _category_codes(cells: Sequence[AttributeValue], rule: TextRule) -> tuple[list[float], tuple[str, ...]]:
    texts = [category_text(cell, rule) for cell in cells]
    if len(texts) == 1:
        # Of a single lead there is nothing to sort.
        return ([math.nan], ()) if texts[0] is None else ([0.0], (texts[0],))
    values = tuple(sorted({text for text in texts if text is not None}))
    code_of: dict[str | None, float] = {value: float(code) for code, value in enumerate(values)}
    return [code_of.get(text, math.nan) for text in texts], values


def _number(value: AttributeValue, type_: AttributeType, rule: TextRule) -> float:
    if type(value) is float and type_ == "number":
        number = value + 0.0
    elif value is None or value in rule.no_numbers:
        return math.nan
    else:
        number = number_of(value, type_, rule)
    return number if math.isfinite(number) else math.nan


def _type_of(value: float | str | bool) -> AttributeType:
    if isinstance(value, str):
        return "category"
    return "boolean" if isinstance(value, bool) else "number"


def is_missing(value: AttributeValue, rule: TextRule) -> bool:
    """Tells whether a value of an attribute is missing or spells a missing one."""
    return value is None or value in rule.spellings


def is_of_type(value: AttributeValue, type_: AttributeType, rule: TextRule) -> bool:
    """Tells whether a value of an attribute reads as its type; a missing value does."""
    if type_ == "category" or value is None or value in rule.no_numbers:
        return True
    if type(value) is _PLAIN_TYPES[type_]:
        # A number of a request or of the store is finite.
        return not isinstance(value, float) or math.isfinite(value)
    return math.isfinite(_number(value, type_, rule))


def number_of(value: float | str, type_: AttributeType, rule: TextRule) -> float:
    """Reads one value as a number or boolean; NaN where it is neither."""
    if isinstance(value, str):
        # Imported late: numbers rarely arrive as text, and the column readers take long to load.
        from features.parsing.attribute_values import values_of_text

        return values_of_text(value, type_, rule)
    number = float(value) + 0.0
    return number if type_ == "number" or number in (0.0, 1.0) else math.nan
