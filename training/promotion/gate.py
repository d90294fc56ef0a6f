"""When a model may become the champion: one decision table, fixed before any figure is known.

A first champion needs clean data checks and a log loss that is not significantly worse than the base rate;
other rules that fail are listed. A challenger needs every rule. The limits are those of the table in the
documentation of the method, and no configuration can loosen them; only that the champion was deployed too
recently to be compared as it is may be accepted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from training.metrics.bootstrap import Estimate
from training.promotion.rows import (
    Row,
    at_least,
    equivalent,
    holds,
    is_outside,
    not_surely_above,
    surely_above,
    surely_below,
)

# Upper bound of the paired log-loss difference, as a part of the champion's loss.
LOSS_LIMIT: Final = 0.005
# Lower bound of the change in conversions that the leads called first capture.
CAPTURE_LIMIT: Final = -0.02
# A segment fails where even the lower bound lies above the champion's loss by more than this part of it.
SEGMENT_LIMIT: Final = 0.02
POOLED_LEVEL: Final = (0.8, 1.25)
ORIGIN_LEVEL: Final = (0.67, 1.5)
SLOPE: Final = (0.8, 1.25)
LEAST_CONVERSIONS: Final = 200
LEAST_ORIGINS: Final = 3

DEPLOYED: Final = "deployed_champion"


@dataclass(frozen=True, slots=True)
class DeployedComparison:
    """The champion as it is stored against the challenger's recipe, on leads that neither has seen.

    Attributes:
        difference: log loss of the recipe, refitted at origins after the champion's end, less the champion's,
            as a part of the latter; None where no such origin can be tested.
        origins: number of those origins.
        conversions: leads that converted within the horizon of one of their test examples.
        is_out_of_reach: whether the champion as stored gives no probability for the challenger's horizon.
    """

    difference: Estimate | None = None
    origins: int = 0
    conversions: int = 0
    is_out_of_reach: bool = False


@dataclass(frozen=True, slots=True)
class ChampionComparison:
    """What the gate knows of the champion.

    Attributes:
        version: of the champion.
        horizon_days: its main horizon.
        configured_horizon_days: the horizon it was configured for; a longer one than `horizon_days` where its
            history could not support it.
        faults_of_history: in which ways the history contradicts what the champion was trained on.
        lost_inputs: what the champion reads and the history no longer has.
        log_loss: difference of log loss to the champion's configuration, refitted at the same origins, as a
            part of its loss; None where the main horizon answers another question, so that there is nothing
            to compare.
        capture: change in the conversions captured at sales capacity, as a part; None likewise.
        segments: as `log_loss`, of each population and configured segment with enough conversions.
        deployed: the champion as it is stored.
        accepts_insufficient: whether a challenger may win although `deployed` decides nothing.
    """

    version: str
    horizon_days: float
    configured_horizon_days: float
    faults_of_history: tuple[str, ...] = ()
    lost_inputs: tuple[str, ...] = ()
    log_loss: Estimate | None = None
    capture: Estimate | None = None
    segments: Mapping[str, Estimate] = field(default_factory=dict)
    deployed: DeployedComparison = DeployedComparison()
    accepts_insufficient: bool = False

    def is_comparable(self, horizon_days: float) -> bool:
        """Tells whether a main horizon answers the champion's question.

        It is the champion's own, or a longer one up to what the champion was configured for: its history was
        too young for that one.
        """
        own = self.horizon_days
        return horizon_days == own or own < horizon_days <= self.configured_horizon_days


@dataclass(frozen=True, slots=True)
class GateInputs:
    """What the gate decides by: main horizon, pooled over origins unless an attribute names something else.

    Attributes:
        stopping_problems: data checks that stop training.
        conversions: leads that converted within the horizon of a test example.
        origins: number of origins with test examples.
        against_base_rate: mean paired difference of log loss, the model's less the base rate's.
        against_logistic: the same against logistic regression on mature examples; None when not fitted.
        level: predicted over observed conversions.
        levels: the same at each origin, with intervals that hold jointly at 95 %; infinite where no
            conversion was observed.
        slope: calibration slope.
        horizon_days: the main horizon.
        champion: what is compared with; None without a champion.
        reported_codes: codes of all problems that the data checks found.
    """

    stopping_problems: int
    conversions: int
    origins: int
    against_base_rate: Estimate
    against_logistic: Estimate | None
    level: Estimate
    levels: tuple[Estimate, ...]
    slope: Estimate
    horizon_days: float
    champion: ChampionComparison | None = None
    reported_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided.

    Attributes:
        rows: every rule that applies.
        may_win: whether the version may become the champion.
        sentence: the decision for a person.
    """

    rows: tuple[Row, ...]
    may_win: bool
    sentence: str


# Rules that stop a first champion; the others are only listed.
_FIRST_RULES: Final = frozenset({"data_checks", "not_worse_than_base_rate"})


def decide(inputs: GateInputs) -> Verdict:
    """Applies the decision table.

    Args:
        inputs: figures of the version; with those against a champion if there is one.

    Returns:
        Every rule with its value, and whether the version may become the champion.
    """
    if (champion := inputs.champion) is None:
        return _first_verdict(tuple(_own_rows(inputs)))
    rows = (*_own_rows(inputs), *_champion_rows(champion, horizon_days=inputs.horizon_days))
    if failed := _named(rows, "failed"):
        return Verdict(rows, may_win=False, sentence=f"The champion stays: {failed} failed.")
    undecided = _named(rows, "insufficient")
    if not undecided:
        sentence = "Every rule holds: the challenger may become the champion."
        return Verdict(rows, may_win=True, sentence=sentence)
    if undecided == DEPLOYED and champion.accepts_insufficient:
        sentence = f"The challenger may become the champion: that {DEPLOYED} is undecided is accepted."
        return Verdict(rows, may_win=True, sentence=sentence)
    sentence = f"Insufficient data, the champion stays: {undecided} undecided."
    return Verdict(rows, may_win=False, sentence=sentence)


def _first_verdict(rows: tuple[Row, ...]) -> Verdict:
    """Decides where there is no champion yet."""
    open_rules = [row.rule for row in rows if not row.passed]
    if stopping := [rule for rule in open_rules if rule in _FIRST_RULES]:
        return Verdict(rows, may_win=False, sentence=f"No champion: {', '.join(stopping)} failed.")
    lists = {"failed": _named(rows, "failed"), "undecided": _named(rows, "insufficient")}
    listed = "; ".join(f"{names} {status}" for status, names in lists.items() if names)
    tail = f" Listed, without stopping it: {listed}." if listed else ""
    return Verdict(rows, may_win=True, sentence=f"May become the first champion.{tail}")


def _named(rows: tuple[Row, ...], status: str) -> str:
    """Lists the rules of one status."""
    return ", ".join(row.rule for row in rows if row.status == status)


def _own_rows(inputs: GateInputs) -> Iterator[Row]:
    """Applies the rules that need no champion."""
    problems = inputs.stopping_problems
    listed = f" Found: {', '.join(inputs.reported_codes)}." if inputs.reported_codes else ""
    sentence = f"{problems} problems in the history stop training; none may.{listed}"
    yield holds("data_checks", problems, is_held=problems == 0, limit="none that stops", sentence=sentence)
    yield at_least(
        "enough_conversions", inputs.conversions, LEAST_CONVERSIONS, "leads converted in the tests"
    )
    yield at_least("enough_origins", inputs.origins, LEAST_ORIGINS, "origins were judged")
    against_base = "log loss less that of the base rate"
    yield not_surely_above("not_worse_than_base_rate", inputs.against_base_rate, 0, against_base)
    yield surely_below("better_than_base_rate", inputs.against_base_rate, 0, against_base)
    if (logistic := inputs.against_logistic) is not None:
        yield not_surely_above(
            "not_worse_than_logistic",
            logistic,
            0,
            "log loss less that of logistic regression on mature examples",
        )
    yield equivalent("level", inputs.level, POOLED_LEVEL, "promised over happened, pooled")
    yield _level_of_each_origin(inputs.levels)
    yield equivalent("slope", inputs.slope, SLOPE, "calibration slope")


def _level_of_each_origin(levels: tuple[Estimate, ...]) -> Row:
    """Judges all origins at once: it fails where the joint interval of one lies wholly outside the bounds.

    An origin of few conversions decides nothing here; the pooled level asks for enough of them.
    """
    low, high = ORIGIN_LEVEL
    outside = [level for level in levels if is_outside(level, ORIGIN_LEVEL)]
    worst = max(
        outside or levels, key=lambda level: abs(math.log(level.value)) if level.value > 0 else math.inf
    )
    small = sum(level.low < low and level.high > high for level in levels)
    few = f"; {small} of {len(levels)} origins have too few conversions to tell" if small else ""
    measured = f"{worst.value:.3f} [{worst.low:.3f}, {worst.high:.3f}]"
    return holds(
        "level_of_each_origin",
        worst.value if math.isfinite(worst.value) else None,
        is_held=not outside,
        limit=f"{low:g} to {high:g}",
        sentence=f"Promised over happened at the worst origin: {measured}, jointly; {low:g} to {high:g} "
        f"asked{few}.",
    )


def _champion_rows(champion: ChampionComparison, *, horizon_days: float) -> Iterator[Row]:
    """Applies the rules that compare with the champion."""
    yield _same_horizon(champion, horizon_days)
    yield _listed(
        "history_agrees", champion.faults_of_history, "contradicts what the champion was trained on"
    )
    yield _listed("inputs_of_champion", champion.lost_inputs, "lacks what the champion reads")
    if (loss := champion.log_loss) is not None:
        what = "log loss against the champion's, as a part of it"
        yield surely_below("log_loss_against_champion", loss, LOSS_LIMIT, what, form="+.1%")
    if (capture := champion.capture) is not None:
        what = "change in conversions captured at sales capacity"
        yield surely_above("capture_against_champion", capture, CAPTURE_LIMIT, what, form="+.0%")
    for name, segment in champion.segments.items():
        what = f"log loss against the champion's in {name}, as a part of it"
        yield not_surely_above(f"segment {name}", segment, SEGMENT_LIMIT, what, form="+.0%")
    if champion.is_comparable(horizon_days):
        yield _deployed(champion.deployed)


def _same_horizon(champion: ChampionComparison, horizon_days: float) -> Row:
    """Requires the champion's main horizon, or a longer one that its own history was too young for."""
    theirs, configured = champion.horizon_days, champion.configured_horizon_days
    limit, why = f"{theirs:g} days, as the champion", ""
    if configured > theirs:
        limit = f"{theirs:g} to {configured:g} days"
        why = f", because its history could not support the {configured:g} that were configured"
    return holds(
        "same_horizon",
        horizon_days,
        is_held=champion.is_comparable(horizon_days),
        limit=limit,
        sentence=f"The main horizon is {horizon_days:g} days; that of the champion, version "
        f"{champion.version}, is {theirs:g}{why}. Asked: {limit}; others answer another question.",
    )


def _listed(rule: str, faults: tuple[str, ...], what: str) -> Row:
    """Requires that a list of faults is empty."""
    listed = "; ".join(faults) if faults else "nothing"
    return holds(
        rule,
        len(faults),
        is_held=not faults,
        limit="none",
        sentence=f"The history {what}: {listed}; none asked.",
    )


def _deployed(compared: DeployedComparison) -> Row:
    """Judges the stored champion against the challenger's recipe, where there is enough to judge by."""
    required = f"at least {LEAST_ORIGINS} origins and {LEAST_CONVERSIONS} conversions"
    if compared.is_out_of_reach:
        sentence = "The champion as deployed gives no probability for so long a horizon; none is asked."
        return holds(DEPLOYED, None, is_held=True, limit="none", sentence=sentence)
    difference = compared.difference
    if difference is None or compared.origins < LEAST_ORIGINS or compared.conversions < LEAST_CONVERSIONS:
        counted = f"{compared.origins} origins and {compared.conversions} conversions can be tested"
        sentence = f"Insufficient data: {counted} since the champion's end; {required} asked."
        value = None if difference is None else difference.value
        return Row(DEPLOYED, value, required, "insufficient", sentence)
    what = (
        f"log loss against the champion as deployed, at {compared.origins} origins since its end, as a part"
    )
    return not_surely_above(DEPLOYED, difference, LOSS_LIMIT, what, form="+.1%")
