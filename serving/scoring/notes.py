"""What a score says its lead lacked: attributes that are missing or of another type, and its account.

It also says where values and kinds are only written otherwise than those that the model knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from features.checks.model_inputs import spelling
from features.history.text_rule import category_text
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import AttributeValue, LeadInput, is_missing, is_of_type
from serving.scoring.predictor import Predictor

NO_ACCOUNT_NOTE: Final = (
    "account_interactions were not sent, so features of the account count as missing. "
    "Send all interactions of the account to have them counted."
)
_OTHER_TYPE: Final = {"number": "no number", "boolean": "neither true nor false"}


def notes_of(predictor: Predictor, lead: LeadInput, *, kinds: Iterable[str]) -> list[str]:
    """Lists what the model reads and the lead does not have; names of attributes alone, no value.

    Args:
        predictor: scores the lead.
        lead: with the attributes that the model reads.
        kinds: those of the model that interactions of the lead write otherwise.
    """
    rule, sent = predictor.text_rule, lead.attributes
    absent = [name for name in predictor.inputs.attributes if is_missing(sent.get(name), rule)]
    notes = [f"The model reads attributes that are missing: {', '.join(sorted(absent))}."] if absent else []
    notes += notes_on_types(predictor, sent)
    notes += [
        f"The attribute {name} differs from a value that the model knows in case, spaces or signs alone, "
        "so it counts as any other value."
        for name in sorted(sent)
        if is_written_otherwise(predictor, name, sent[name])
    ]
    notes += [
        f"An interaction is of a kind that differs from {kind} in case, spaces or signs alone, "
        "so it does not count as that."
        for kind in sorted(kinds)
    ]
    has_account = lead.account_id is not None and lead.account_id not in rule.spellings
    if has_account and lead.account_interactions is None and predictor.reads_account:
        notes.append(NO_ACCOUNT_NOTE)
    return notes


def noted_of(predictor: Predictor, name: str, value: AttributeValue) -> tuple[bool, bool, bool]:
    """Tells all that the notes say of one attribute: is it missing, of its type, and written otherwise?

    Leads of which this is the same of all attributes have the same notes.
    """
    rule = predictor.text_rule
    is_own_type = is_of_type(value, predictor.attribute_types[name], rule)
    return is_missing(value, rule), is_own_type, is_written_otherwise(predictor, name, value)


def is_written_otherwise(predictor: Predictor, name: str, value: AttributeValue) -> bool:
    """Tells whether a category is one that the model knows, but for case, spaces and signs."""
    known = predictor.inputs.categories.get(name)
    if not known or value in known:
        # Nearly always.
        return False
    text = category_text(value, predictor.text_rule)
    if text is None or text in known:
        return False
    return spelling(text) in map(spelling, known)


def kinds_known_at(predictor: Predictor, interactions: InteractionInputs, as_of: int) -> set[str]:
    """Finds the kinds of the model that interactions known at a moment write otherwise."""
    known = predictor.inputs.kinds
    if known.issuperset(interactions.kind):
        return set()
    moments = zip(interactions.kind, interactions.occurred_at, interactions.available_at, strict=True)
    return meant_kinds(predictor, {kind for kind, at, said in moments if max(at, said or at) <= as_of})


def meant_kinds(predictor: Predictor, kinds: Iterable[str]) -> set[str]:
    """Finds the kinds of the model that some kinds are, but for case, spaces and signs."""
    known = predictor.inputs.kinds
    spelled = {spelling(kind) for kind in kinds if kind not in known}
    return {kind for kind in known if spelling(kind) in spelled} if spelled else set()


def notes_on_types(predictor: Predictor, attributes: Mapping[str, AttributeValue]) -> list[str]:
    """Lists the attributes that the model reads as another type than they have."""
    types, rule = predictor.attribute_types, predictor.text_rule
    others = [
        name
        for name, value in attributes.items()
        if name in types and not is_of_type(value, types[name], rule)
    ]
    return [
        f"The attribute {name} is {_OTHER_TYPE[types[name]]}, so it counts as missing."
        for name in sorted(others)
    ]
