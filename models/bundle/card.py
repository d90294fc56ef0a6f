"""The model card: what a version was trained on, how it was evaluated, and the limits of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from math import isfinite
from typing import Any, Final

import numpy as np
from pydantic import JsonValue, TypeAdapter, ValidationError

from features.funnel import Condition
from features.history.lead_history import Floats
from features.history.settings import COUNT_ALL, MACHINE_RULES, HistorySettings, SettingError
from features.history.text_rule import FIRST_RULE, TEXT_RULE, TextRule
from features.times import format_time, parse_time
from models.bundle.format import FORMAT_VERSION
from models.errors import CardError, FormatVersionError
from models.scorecard.bands import DEFAULT_BANDS, EVIDENCE_RULE, Band
from models.scorecard.held_out import HeldOut

# The version of a bundle that no registry has numbered.
UNREGISTERED: Final = "unregistered"
_INSTANTS: Final = ("created_at", "history_from", "observed_until")


@dataclass(frozen=True, slots=True)
class Card:
    """Facts about one version for people.

    Attributes:
        created_at: when the training began, microseconds UTC.
        history_from: creation of the first lead of the history, microseconds UTC.
        observed_until: last instant for which outcomes were complete, microseconds UTC.
        horizon_days: the main horizon.
        time_edges_days: rising from 0; the last is the longest horizon of the model.
        feature_set: version of the declarations.
        model_version: number in the registry.
        run_id: of the training in MLflow; None where there was none.
        horizons_days: horizons that were evaluated.
        metrics: figures of the main horizon, each `{value, low, high, n}`.
        evaluation: all other figures: by origin, by group, of the baselines.
        verdict: the gate's table, one object a rule.
        bands: from the highest probability down; the last begins at 0.
        evidence_rule: when a lead's evidence is insufficient, so that it has no band.
        expected_amount: what a conversion brings on average; None where the history has no amounts. See
            `usual_amount`.
        conditions: the company's ideal profile.
        held_out: which leads are ranked by chance; None: no lead is.
        text_rule: by which the cells of a history are read; a card that names none has the first.
        machine_rules: number of the rules by which rows are left out as machine-made; a card that names none
            counts all rows.
        history_settings: the other settings of the history of the training: how its cells are written, what
            its attributes are; a card that names none has none.
        trained_on: counts of leads, examples and conversions, and the digests of the tables.
        config: the configuration of the training.
        library_versions: by library.
        notes: sentences that belong beside the figures.
    """

    created_at: int
    history_from: int
    observed_until: int
    horizon_days: float
    time_edges_days: tuple[float, ...]
    feature_set: str
    model_version: str = UNREGISTERED
    run_id: str | None = None
    horizons_days: tuple[float, ...] = ()
    metrics: Mapping[str, JsonValue] = field(default_factory=dict)
    evaluation: Mapping[str, JsonValue] = field(default_factory=dict)
    verdict: tuple[Mapping[str, JsonValue], ...] = ()
    bands: tuple[Band, ...] = DEFAULT_BANDS
    evidence_rule: str = EVIDENCE_RULE
    expected_amount: float | None = None
    conditions: tuple[Condition, ...] = ()
    held_out: HeldOut | None = None
    text_rule: TextRule = TEXT_RULE
    machine_rules: int = MACHINE_RULES
    history_settings: Mapping[str, JsonValue] = field(default_factory=dict)
    trained_on: Mapping[str, JsonValue] = field(default_factory=dict)
    config: Mapping[str, JsonValue] = field(default_factory=dict)
    library_versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses bands that do not cover every probability once, and settings of a later release."""
        if not 1 <= self.text_rule.number <= TEXT_RULE.number:
            known = f"this release knows the rules 1 to {TEXT_RULE.number}"
            raise CardError("text_rule", fault=f"has the number {self.text_rule.number}; {known}")
        if not COUNT_ALL <= self.machine_rules <= MACHINE_RULES:
            known = f"this release knows the rules up to {MACHINE_RULES}"
            raise CardError("machine_rules", fault=f"has the number {self.machine_rules}; {known}")
        try:
            HistorySettings.from_json(self.history_settings, self.text_rule)
        except SettingError as error:
            raise CardError("history_settings", fault=f"cannot be read: {error}") from None
        if self.expected_amount is not None and not isfinite(self.expected_amount):
            raise CardError("expected_amount", fault="is not finite")
        limits = [band.at_least for band in self.bands]
        falls = all(high > low for high, low in pairwise(limits))
        if not limits or limits[-1] != 0 or not falls or limits[0] > 1:
            raise CardError("bands", fault=f"have the limits {limits}, which should fall from at most 1 to 0")

    @property
    def settings(self) -> HistorySettings:
        """The settings by which a history is read to be scored."""
        settings = HistorySettings.from_json(self.history_settings, self.text_rule)
        return replace(settings, machine_rules=self.machine_rules)

    @property
    def usual_amount(self) -> float | None:
        """The expected amount by which leads are ranked; None where it is not above zero.

        Earlier releases took credits for amounts, and a mean below zero would put the worst lead first.
        """
        amount = self.expected_amount
        return amount if amount is not None and amount > 0 else None

    @property
    def band_limits(self) -> Floats:
        """(bands,) lowest probability of each band, falling to 0."""
        return np.array([band.at_least for band in self.bands])

    def to_json(self) -> dict[str, Any]:
        """Turns the card into the object of `card.json`, instants as text."""
        record: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        for name in _INSTANTS:
            record[name] = format_time(record[name])
        if self.text_rule == FIRST_RULE:
            del record["text_rule"]
        if self.machine_rules == COUNT_ALL:
            del record["machine_rules"]
        if not self.history_settings:
            del record["history_settings"]
        if self.held_out is None:
            del record["held_out"]
        return {"format_version": FORMAT_VERSION, **record}

    @classmethod
    def from_json(cls, record: Any) -> Card:
        """Reads what `to_json` wrote.

        Raises:
            FormatVersionError: the bundle was written by another version of LeadOdds.
            CardError: a field is missing, unknown, or of the wrong type.
        """
        if not isinstance(record, dict):
            raise CardError("card", fault="is not an object")
        if record.get("format_version") != FORMAT_VERSION:
            raise FormatVersionError(record.get("format_version"), known=FORMAT_VERSION)
        values = {"text_rule": FIRST_RULE.to_json(), "machine_rules": COUNT_ALL, **record}
        del values["format_version"]
        for name in _INSTANTS:
            values[name] = parse_time(str(values.get(name)), item=name)
        card = _validated(values)
        _refuse_unknown(record, card.to_json())
        return card


_ADAPTER: Final = TypeAdapter(Card)


def _validated(values: Mapping[str, Any]) -> Card:
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        fault = error.errors()[0]
        raise CardError(".".join(map(str, fault["loc"])), fault=f"cannot be read: {fault['msg']}") from None


def _refuse_unknown(record: Mapping[str, Any], understood: Mapping[str, Any]) -> None:
    """Refuses a record that differs from what was read of it: unknown fields, numbers as text."""
    if record == understood:
        return
    names = {known.name for known in fields(Card)} | {"format_version"}
    unknown = {*record} - names
    changed = unknown or {name for name in names if record.get(name) != understood.get(name)}
    raise CardError(min(changed), fault="is unknown, missing, or not written as LeadOdds writes it")
