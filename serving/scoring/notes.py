"""What a score says its lead lacked: attributes that are missing or of another type, and its account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from features.inputs.lead_inputs import AttributeValue, LeadInput, is_missing, is_of_type
from serving.scoring.predictor import Predictor

NO_ACCOUNT_NOTE: Final = (
    "account_interactions were not sent, so features of the account count as missing. "
    "Send all interactions of the account to have them counted."
)
_OTHER_TYPE: Final = {"number": "no number", "boolean": "neither true nor false"}


def notes_of(predictor: Predictor, lead: LeadInput) -> list[str]:
    """Lists what the model reads and the lead does not have; names of attributes alone, no value."""
    rule, sent = predictor.text_rule, lead.attributes
    absent = [name for name in predictor.inputs.attributes if is_missing(sent.get(name), rule)]
    notes = [f"The model reads attributes that are missing: {', '.join(sorted(absent))}."] if absent else []
    notes += notes_on_types(predictor, sent)
    has_account = lead.account_id is not None and lead.account_id not in rule.spellings
    if has_account and lead.account_interactions is None and predictor.reads_account:
        notes.append(NO_ACCOUNT_NOTE)
    return notes


def noted_of(predictor: Predictor, name: str, value: AttributeValue) -> tuple[bool, bool]:
    """Tells all that the notes say of one attribute: whether it is missing, and whether it is of its type.

    Leads of which this is the same of all attributes have the same notes.
    """
    rule = predictor.text_rule
    return is_missing(value, rule), is_of_type(value, predictor.attribute_types[name], rule)


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
