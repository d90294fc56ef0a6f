"""Makes the history of a few leads out of their own rows, in tens of microseconds: what requests bring."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from features.history.categories import few_texts
from features.history.lead_history import Attribute, AttributeType, LeadHistory
from features.history.outcomes import OutcomeInput, outcomes_of
from features.history.text_rule import TEXT_RULE, TextRule, category_text
from features.inputs.interaction_inputs import NO_INTERACTIONS, InteractionInputs, interactions_of

AttributeValue = float | str | bool | None


class LeadInput(NamedTuple):
    """One lead as it comes.

    Attributes:
        lead_id: the lead.
        created_at: microseconds UTC.
        account_id: its account; None where it has none, and then `account_interactions` are not looked at.
        attributes: by name; None is missing.
        interactions: of the lead.
        account_interactions: of all leads of the account, this one too; None where they are not known.
        outcome: the one that counts; None: it is open.
    """

    lead_id: str
    created_at: int
    account_id: str | None = None
    attributes: Mapping[str, AttributeValue] = MappingProxyType({})
    interactions: InteractionInputs = NO_INTERACTIONS
    account_interactions: InteractionInputs | None = None
    outcome: OutcomeInput | None = None


def history_of_leads(
    leads: Sequence[LeadInput],
    *,
    observed_until: int,
    attribute_types: Mapping[str, AttributeType] = MappingProxyType({}),
    text_rule: TextRule = TEXT_RULE,
) -> LeadHistory:
    """Makes the same history, to the last bit, as reading tables that hold these rows and nothing else.

    Args:
        leads: one or more; their order is that of the history. One may stand there twice, with what two
            callers know of it; each has an account of its own.
        observed_until: microseconds UTC.
        attribute_types: types by attribute name that are not to be told from the values.
        text_rule: by which cells are read.
    """
    has_account = [one.account_id is not None and one.account_interactions is not None for one in leads]
    rows = (count - 1 for count in accumulate(has_account))
    accounts = [
        one.account_interactions or NO_INTERACTIONS
        for one, has in zip(leads, has_account, strict=True)
        if has
    ]
    return LeadHistory(
        lead_ids=few_texts([one.lead_id for one in leads]),
        created_at=np.array([one.created_at for one in leads]),
        account=np.array([row if has else -1 for row, has in zip(rows, has_account, strict=True)], np.int32),
        attributes=_attributes(leads, attribute_types),
        interactions=interactions_of([one.interactions for one in leads], [one.created_at for one in leads]),
        account_interactions=interactions_of(accounts, [0] * len(accounts)) if accounts else None,
        outcomes=outcomes_of([one.outcome for one in leads]),
        observed_until=observed_until,
        text_rule=text_rule,
    )


def _attributes(leads: Sequence[LeadInput], types: Mapping[str, AttributeType]) -> dict[str, Attribute]:
    """Makes attributes by the rules of the tables; none where no lead has a value of its type."""
    made: dict[str, tuple[AttributeType, list[float], tuple[str, ...]]] = {}
    for name in sorted({name for one in leads for name in one.attributes}):
        sent = [one.attributes.get(name) for one in leads]
        there = [value for value in sent if value is not None and value != ""]
        if not there:
            continue
        type_ = types.get(name) or _type_of(there[0])
        if type_ == "category":
            made[name] = type_, *_category_codes(sent)
            continue
        numbers = [_number(value, type_) for value in sent]
        if any(map(math.isfinite, numbers)):
            made[name] = type_, numbers, ()
    # One array, of which each has a row: many small ones would take longer than all the rest.
    rows = np.array([numbers for _, numbers, _ in made.values()])
    return {
        name: Attribute(type_, row, categories)
        for row, (name, (type_, _, categories)) in zip(rows, made.items(), strict=True)
    }


def _category_codes(sent: Sequence[AttributeValue]) -> tuple[list[float], tuple[str, ...]]:
    texts = ["" if value is None else category_text(value) for value in sent]
    values = tuple(sorted({*texts} - {""}))
    code_of = {value: float(code) for code, value in enumerate(values)}
    return [code_of.get(text, math.nan) for text in texts], values


def _number(value: AttributeValue, type_: AttributeType) -> float:
    if value is None or value == "":
        return math.nan
    number = number_of(value, type_)
    return number if math.isfinite(number) else math.nan


def _type_of(value: float | str | bool) -> AttributeType:
    if isinstance(value, str):
        return "category"
    return "boolean" if isinstance(value, bool) else "number"


def number_of(value: float | str, type_: AttributeType) -> float:
    """Reads one value as a number or boolean; NaN where it is neither."""
    if isinstance(value, str):
        # Imported late: hardly any number comes as a text, and reading columns of them takes long to load.
        from features.parsing.attribute_values import values_of_text

        return values_of_text(value, type_)
    number = float(value) + 0.0
    return number if type_ == "number" or number in (0.0, 1.0) else math.nan
