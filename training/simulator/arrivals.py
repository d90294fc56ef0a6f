"""The leads of the made-up company: creation, accounts, attributes, and the effect of these on the rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Codes, Floats, Ints
from features.times import US_PER_DAY, US_PER_HOUR
from training.simulator.world import DAYS, START_US, RateFactors, end_after

# Name, share, effect on the log of the rate of converting.
Choice = tuple[tuple[str | None, float, float], ...]

COUNTRIES: Final[Choice] = (
    ("DE", 0.30, 0.10), ("FR", 0.17, 0.0), ("NL", 0.13, 0.12), ("GB", 0.12, 0.0), ("ES", 0.10, -0.12),
    ("PL", 0.08, -0.05), ("SE", 0.06, 0.05), ("PT", 0.04, -0.10),
)  # fmt: skip
INDUSTRIES: Final[Choice] = (
    ("software", 0.24, 0.25), ("manufacturing", 0.20, 0.08), ("retail", 0.16, -0.10), ("services", 0.14, 0.0),
    ("education", 0.10, -0.38), ("health", 0.10, 0.05), (None, 0.06, -0.05),
)  # fmt: skip
ROLES: Final[Choice] = (
    ("decision_maker", 0.22, 0.35), ("manager", 0.30, 0.10), ("specialist", 0.32, -0.12),
    ("student", 0.06, -0.90), (None, 0.10, -0.10),
)  # fmt: skip
SOURCES: Final[Choice] = (
    ("organic_search", 0.30, 0.05), ("paid_search", 0.26, -0.12), ("webinar", 0.14, 0.0),
    ("referral", 0.10, 0.40), ("partner", 0.08, 0.20), ("bought_list", 0.12, -0.50),
)  # fmt: skip
SOURCE_CODES: Final = {name: code for code, (name, _, _) in enumerate(SOURCES)}
PRODUCTS: Final[Choice] = (("starter", 0.42, 0.0), ("team", 0.38, 0.0), ("enterprise", 0.20, -0.05))
TEAMS: Final[Choice] = (("north", 0.36, 0.0), ("south", 0.34, 0.0), ("partners", 0.30, 0.0))

# By source, in the order above: share that requests a demo at creation, share that starts active, effect on
# the log of the rate of turning quiet.
DEMO_AT_CREATION: Final = np.array([0.12, 0.10, 0.06, 0.28, 0.20, 0.0])
STARTING_ACTIVE: Final = np.array([0.85, 0.75, 0.75, 0.95, 0.90, 0.35])
_DRIFT_OF_SOURCE: Final = np.array([0.0, 0.25, 0.05, -0.30, -0.15, 0.35])
_KNOWN_ACCOUNT_EFFECT, _USUAL_EFFECT, _STUDENT_DOUBT = 0.25, 0.15, 0.60

_GROWTH_PER_YEAR, _ARRIVING_ON = 0.45, np.array([1.2, 1.25, 1.25, 1.2, 1.05, 0.55, 0.5])
_ACCOUNTS_PER_LEAD, _WITH_ACCOUNT = 0.6, 0.85


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The leads of one chunk, in the order of their creation.

    Attributes:
        created_at: (leads,) microseconds UTC, rising.
        account: (leads,) number of the account within the chunk, -1 where the company does not know it.
        categories: codes into the choices of this module.
        numbers: attributes that are numbers, NaN where missing.
        factors: of the rates of the journey.
        days: that the company lasts.
    """

    created_at: Ints
    account: Ints
    categories: Mapping[str, Codes]
    numbers: Mapping[str, Floats]
    factors: RateFactors
    days: int = DAYS

    @property
    def end_us(self) -> int:
        """The end of the company, microseconds UTC."""
        return end_after(self.days)

    @property
    def created_day(self) -> Ints:
        """(leads,) day of creation, counted from the first day."""
        return (self.created_at - START_US) // US_PER_DAY


def draw_arrivals(rng: np.random.Generator, leads_count: int, *, days: int = DAYS) -> Arrivals:
    """Draws the leads of a chunk: growing numbers, fewer on weekends, several leads per account."""
    created_at = _draw_creations(rng, leads_count, days)
    accounts_count = max(1, int(leads_count * _ACCOUNTS_PER_LEAD))
    account = rng.integers(0, accounts_count, leads_count)
    industry, country = (
        draw_choice(rng, choice, accounts_count)[account] for choice in (INDUSTRIES, COUNTRIES)
    )
    employees = np.round(np.exp(rng.normal(4.4, 1.5, accounts_count))).clip(1, 60_000)
    employees[rng.random(accounts_count) < 0.12] = np.nan
    budget = np.round(np.exp(rng.normal(9.6, 0.9, leads_count)) / 500).clip(1, 400) * 500
    budget[rng.random(leads_count) < 0.55] = np.nan
    shown = np.where(rng.random(leads_count) < _WITH_ACCOUNT, account, -1)
    categories = {
        "country": country,
        "industry": industry,
        "product": draw_choice(rng, PRODUCTS, leads_count),
        "role": draw_choice(rng, ROLES, leads_count),
        "source": draw_choice(rng, SOURCES, leads_count),
    }
    newsletter = (rng.random(leads_count) < 0.4).astype(np.float64)
    numbers = {"budget_eur": budget, "employees": employees[account], "newsletter": newsletter}
    factors = _rate_factors(categories, numbers, _is_account_known(shown))
    return Arrivals(created_at, shown, categories, numbers, factors, days)


def draw_choice(rng: np.random.Generator, choice: Choice, count: int) -> Codes:
    """Draws `count` codes of a choice by its shares."""
    return rng.choice(len(choice), count, p=[share for _, share, _ in choice]).astype(np.int32)


def daytime(part: Floats) -> Floats:
    """Quantile function of the hour of the day at which buyers are active: triangular, from 6 to 21."""
    early = np.sqrt(part / 2)
    return 6 + 15 * np.where(part < 0.5, early, 1 - np.sqrt((1 - part) / 2))


def draw_daytime(rng: np.random.Generator, count: int) -> Ints:
    """Draws times of day, microseconds after midnight."""
    return (daytime(rng.random(count)) * US_PER_HOUR).astype(np.int64)


def _draw_creations(rng: np.random.Generator, leads_count: int, days_count: int) -> Ints:
    """Draws times of creation, rising, microseconds UTC."""
    days = np.arange(days_count)
    weight = np.exp(np.log1p(_GROWTH_PER_YEAR) * days / 365.25) * _ARRIVING_ON[days % 7]
    day = rng.choice(days_count, leads_count, p=weight / weight.sum())
    return np.sort(START_US + day * US_PER_DAY + draw_daytime(rng, leads_count))


def _is_account_known(account: Ints) -> npt.NDArray[np.bool_]:
    """Marks the leads of an account that had an earlier lead; leads are in order of creation."""
    known = np.ones(len(account), dtype=np.bool_)
    known[np.unique(account, return_index=True)[1]] = False
    return known & (account >= 0)


def _rate_factors(
    categories: Mapping[str, Codes], numbers: Mapping[str, Floats], account_known: npt.NDArray[np.bool_]
) -> RateFactors:
    """Adds up the effects of the attributes as recorded; a missing value has an effect of its own."""
    choices = {
        "country": COUNTRIES,
        "industry": INDUSTRIES,
        "product": PRODUCTS,
        "role": ROLES,
        "source": SOURCES,
    }
    fit = _KNOWN_ACCOUNT_EFFECT * account_known - _USUAL_EFFECT
    for name, choice in choices.items():
        fit = fit + np.array([effect for _, _, effect in choice])[categories[name]]
    fit = fit + _effect_of_size(numbers["employees"]) + _effect_of_budget(numbers["budget_eur"])
    fit = (
        fit
        + 0.06 * numbers["newsletter"]
        + _effect_of_size_and_product(numbers["employees"], categories["product"])
    )
    doubt = _STUDENT_DOUBT * (categories["role"] == 3) + 0.10 * np.isnan(numbers["budget_eur"])
    return RateFactors(np.exp(fit), np.exp(doubt), np.exp(_DRIFT_OF_SOURCE[categories["source"]]))


def _effect_of_size(employees: Floats) -> Floats:
    """Effect of the number of employees: highest at about 150, lower towards both ends."""
    effect = 0.12 - 0.16 * (np.log10(employees) - 2.2) ** 2
    return np.where(np.isnan(employees), -0.05, effect)


def _effect_of_budget(budget: Floats) -> Floats:
    """Effect of the budget: rises with a stated budget, up to a limit."""
    return np.where(np.isnan(budget), -0.08, 0.05 + 0.18 * np.tanh(np.log(budget / 12_000)))


def _effect_of_size_and_product(employees: Floats, product: Codes) -> Floats:
    """Effect of the only pair: the enterprise product raises the rate at large companies, else lowers it."""
    return np.where(product == 2, np.where(np.nan_to_num(employees) >= 250, 0.30, -0.15), 0.0)
