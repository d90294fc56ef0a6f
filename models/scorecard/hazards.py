"""From logit hazards to hazards, log-odds and probabilities: the formulas, exact at both ends.

Everything here works number by number, so that an example's bits do not depend on its neighbours.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.history.lead_history import Floats

# Beyond it nothing changes but exp overflows.
HIGHEST_LOGIT: Final = 700.0


def softplus(logits: Floats) -> Floats:
    """log(1 + exp(x)), which is -log(1 - hazard) of a logit hazard; exact at both ends."""
    summed: Floats = np.minimum(logits, HIGHEST_LOGIT)
    np.exp(summed, out=summed)
    np.log1p(summed, out=summed)
    return summed


def logit_of_hazard(cumulative_hazard: Floats) -> Floats:
    """logit(1 - exp(-L)) = L + log(1 - exp(-L)), exact for L near 0 as well; minus infinity at 0.

    A cumulative hazard of 0 divides by 0, which NumPy warns of unless the caller lets it pass.
    """
    logits: Floats = np.negative(cumulative_hazard)
    np.expm1(logits, out=logits)
    np.negative(logits, out=logits)
    np.log(logits, out=logits)
    logits += cumulative_hazard
    return logits


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    share: Floats = 1.0 / (1.0 + np.exp(-np.maximum(logits, -HIGHEST_LOGIT)))
    return share
