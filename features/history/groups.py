"""Groups of what belongs together through links."""

from __future__ import annotations

import numpy as np

from features.history.lead_history import Ints


def joined_labels(labels: Ints, one: Ints, other: Ints) -> Ints:
    """Gives labels that are linked, directly or through others, the smallest label among them.

    Args:
        labels: (n,) from 0; equal labels belong together already.
        one: (links,) a label.
        other: (links,) the label it is linked to.

    Returns:
        (n,) labels.

    >>> joined_labels(np.array([0, 1, 2, 3, 3]), np.array([3, 1]), np.array([1, 0])).tolist()
    [0, 0, 2, 0, 0]
    """
    least: dict[int, int] = {}

    def find(label: int) -> int:
        while (above := least.get(label, label)) != label:
            least[label] = least.get(above, above)
            label = above
        return label

    for first, second in zip(one.tolist(), other.tolist(), strict=True):
        low, high = sorted((find(first), find(second)))
        least[high] = low
    joined: Ints = labels.copy()
    for label in [*least]:
        least[label] = find(label)
    if least:
        table = np.arange(int(max(labels.max(initial=0), *least)) + 1)
        table[[*least]] = [*least.values()]
        joined = table[labels]
    return joined
