"""What stands above each section and under each plot of the report, and what is read out of a plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# By anchor of the section, in the order of the page.
TITLES: Final[Mapping[str, str]] = {
    "verdict": "Verdict",
    "figures": "Figures",
    "calibration": "Do the probabilities mean what they say?",
    "calls": "Whom to call first",
    "time": "Over time",
    "parts": "By source, age and week",
    "others": "Beside simpler and unrestricted models",
    "learning": "Would more leads help?",
    "terms": "What the model has learnt",
    "checks": "What was found in the history",
    "making": "How it was made",
}

# By name of the plot: the text read out, and the caption.
CAPTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "reliability": (
        "Promised probability against the share that converted, with intervals; on the dashed "
        "diagonal promises "
        "are kept.",
        "Each point is a fifteenth of the test examples; axes are drawn by their root, so that "
        "low probabilities "
        "can be told apart.",
    ),
    "gains": (
        "Share of conversions reached by share of leads called, and the lift, both with intervals.",
        "Best leads first. The dashed line is calling in any order.",
    ),
    "origins": (
        "Promised and happened at each origin, and the level shifts needed and added.",
        "Left: the level at each origin. Right: the shift of the log-odds that would have set "
        "it right, and what "
        "was known of it by then.",
    ),
    "yardsticks": (
        "By how much the scorecard's log loss is below that of each other model, with intervals.",
        "All were fitted at the same origins with what was known then, and answered for the "
        "same examples. Only "
        "the scorecard has a level shift.",
    ),
    "learning": (
        "Log loss above that of all leads against the number of leads learnt from, with intervals.",
        "The last origin, refitted on a quarter and on half of the leads, judged on the same examples.",
    ),
}

FIGURES_TOLD: Final = (
    "Each figure stands above its 95 % interval, drawn over leads (over accounts where there are any), never "
    "over examples. All was promised with what was known at an origin, and judged on what came after it."
)

TERMS_TOLD: Final = (
    "The model is the sum of these curves, nothing else. Points are log-odds against the average lead: +0.7 "
    "doubles the odds, -0.7 halves them. The low bars are the training examples with each value: where there "
    "are few, a curve is worth little. What moves a probability need not cause the conversion."
)
