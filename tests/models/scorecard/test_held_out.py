"""Who is held out hangs on the id alone, and never changes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.bundle.card import Card
from models.errors import CardError
from models.scorecard.held_out import HeldOut, draw_leads
from tests.support.builders import history, lead
from tests.support.small_models import small_bundle

RULE = HeldOut(0.25, (0.0, 0.1, 0.5))


def test_draw_leads__are_the_numbers_of_the_first_release_and_accounts_share_them() -> None:
    made = history([lead("a"), lead("b", account_id="A-1"), lead("c", account_id="A-1")])

    drawn = draw_leads(made, np.arange(3))

    assert drawn.tolist() == [
        [0.5151023574193079, 0.6779617620644834],
        [0.5626921389393024, 0.5450528434308419],
        [0.5626921389393024, 0.5450528434308419],
    ]
    assert draw_leads(history([lead("a")]), np.arange(1)).tolist() == drawn[:1].tolist()
    # A lead and an account of one name are two things.
    assert draw_leads(history([lead("A-1")]), np.arange(1))[0, 0] != drawn[1, 0]


def test_places__are_the_share_and_spread_as_the_open_leads_are() -> None:
    made = history([lead(f"L{number:04d}") for number in range(2_000)])

    is_held_out, places = RULE.places(made, np.arange(2_000))

    # Four standard deviations of a share of 2,000 draws are 0.039.
    assert abs(is_held_out.mean() - 0.25) < 0.039
    assert abs((places[is_held_out] < 0.1).mean() - 0.5) < 0.09
    more, _ = HeldOut(0.5, RULE.probabilities).places(made, np.arange(2_000))
    assert (is_held_out <= more).all()


@pytest.mark.parametrize(
    ("share", "probabilities"),
    [(0.0, (0.1,)), (1.0, (0.1,)), (0.2, ()), (0.2, (0.5, 0.1)), (0.2, (0.1, 1.5))],
)
def test_held_out__refuses_what_is_no_share_or_no_quantiles(
    share: float, probabilities: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        HeldOut(share, probabilities)


def test_card__carries_the_rule_and_is_unchanged_without_it() -> None:
    card = small_bundle(held_out=RULE).card
    record = json.loads(json.dumps(card.to_json()))

    assert Card.from_json(record).held_out == RULE
    assert "held_out" not in small_bundle().card.to_json()
    record["held_out"]["share"] = 7
    with pytest.raises(CardError, match="held_out"):
        Card.from_json(record)
