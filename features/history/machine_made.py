"""The rules by which an interaction counts as made by a machine, and is left out of features.

Link scanners of mail gateways and proxies of mailboxes load what a mail contains before anybody reads it.
Such rows say which software guards a mailbox, not what its owner wants.

What the data say of a row holds (`is_automated`, true or false: HubSpot's `filtered_event`, `sg_machine_open`
of SendGrid). The rules judge the other openings and clicks of mails, by times alone, because a history has no
user agents. A rule looks only at rows of the same lead or account that are known when the row itself becomes
known: the answer is final from then on, later rows never change it, and leaving rows out commutes with
`features.history.known`. The rows of an account are judged among each other, because a request names no lead
for them.

1. An opening or click at most `AT_ONCE_US` after a mail was sent. Gateways scan at delivery, and Gmail and
   Apple fetch images then; nobody receives, opens and reads within ten seconds of the handing over.
   Source: warmbly/warmbly pull 438 (its rule `instant` took 10 s from the sending, its users ask for up to
   60 s); mautic/mautic pulls 14816 and 10245 (openings within seconds of the sending are Gmail's);
   kannon-email/kannon issue 412 (Apple's and Gmail's proxies fetch at delivery).
2. An opening or click in a second in which the lead has at least `BURST_ROWS` of them by then: scanners
   follow every link at once. The rows before the last of them were known without it and still count.
   Source: Adobe Marketo Engage, "Filtering email bot activity", release of September 2022: more than two
   activities in the same second match its "proximity pattern".

A row whose time is a whole minute, or the end of one, is not judged: its second is not known.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Bools, Interactions, Ints
from features.history.settings import COUNT_ALL
from features.history.subset import keep_interactions
from features.times import US_PER_SECOND

SENT_KIND: Final = "email_sent"
JUDGED_KINDS: Final = ("email_clicked", "email_opened")
_JUDGED: Final = frozenset(JUDGED_KINDS)
_OF_MAILS: Final = _JUDGED | {SENT_KIND}
AT_ONCE_US: Final = 10 * US_PER_SECOND
BURST_ROWS: Final = 3

# What `is_automated` of a row says.
UNSAID, PERSON, MACHINE = -1, 0, 1
# Why a row counts as machine-made.
BY_PERSON, SAID, AT_ONCE, BURST = 0, 1, 2, 3
WHYS: Final = {
    SAID: "is_automated says so",
    AT_ONCE: f"within {AT_ONCE_US // US_PER_SECOND} seconds of the mail",
    BURST: f"{BURST_ROWS} or more in one second",
}

Marks = npt.NDArray[np.int8]
_MINUTE_US: Final = 60 * US_PER_SECOND


def find_machine_made(rows: Interactions, automated: Marks | None, rules: int) -> Marks | None:
    """Finds the rows that a machine made.

    Args:
        rows: of leads or accounts.
        automated: (rows,) what `is_automated` says: UNSAID, PERSON or MACHINE; None: nothing of any row.
        rules: number of the rules; COUNT_ALL finds none.

    Returns:
        (rows,) BY_PERSON, SAID, AT_ONCE or BURST; None where no row is machine-made.
    """
    if rules == COUNT_ALL:
        return None
    found = _judged(rows)
    if automated is not None:
        found = np.zeros(len(rows.value), np.int8) if found is None else found
        found[automated == PERSON] = BY_PERSON
        found[automated == MACHINE] = SAID
    return None if found is None or not found.any() else found


def without_machine_made(rows: Interactions, found: Marks | None) -> Interactions:
    """Leaves out the rows that a machine made, as `find_machine_made` gives them."""
    if found is None:
        return rows
    return keep_interactions(rows, np.ones(len(rows.starts) - 1, np.bool_), found == BY_PERSON)


def is_surely_counted(kind: str, automated: int | None, rules: int) -> bool:
    """Tells of a row without its neighbours whether it counts whatever they are."""
    return rules == COUNT_ALL or (automated != MACHINE and kind not in JUDGED_KINDS)


def _judged(rows: Interactions) -> Marks | None:
    """Applies the rules to the openings and clicks; None where no rule may apply to any."""
    kinds = rows.kind.values
    if _JUDGED.isdisjoint(kinds):
        return None
    is_mail = np.array([*map(_OF_MAILS.__contains__, kinds), False])
    mails = is_mail.take(rows.kind.codes).nonzero()[0]
    moments = rows.occurred_at.take(mails)
    if not np.count_nonzero(moments[1:] - moments[:-1] <= AT_ONCE_US):
        # Nearly always of a single lead: in their order, and none close to another.
        return None
    mails = _close(rows, _by_moment(rows, mails))
    if not len(mails):
        return None
    group, occurred_at = _group_of(rows, mails), rows.occurred_at[mails]
    sent = kinds.index(SENT_KIND) if SENT_KIND in kinds else len(kinds)
    is_sent = rows.kind.codes[mails] == sent
    is_judged = ~is_sent & _has_second(occurred_at)
    available_at = rows.available_at[mails]
    found = np.zeros(len(rows.value), np.int8)
    found[mails[_in_bursts(group, occurred_at, available_at, np.flatnonzero(is_judged))]] = BURST
    found[mails[_after_sending(group, occurred_at, available_at, is_sent, is_judged)]] = AT_ONCE
    return found


def _group_of(rows: Interactions, row: Ints) -> Ints:
    return np.searchsorted(rows.starts, row, side="right")


def _by_moment(rows: Interactions, mails: Ints) -> Ints:
    """Orders rows of each group by when they happened; nearly always they became known in that order."""
    occurred_at = rows.occurred_at[mails]
    falls = (occurred_at[1:] < occurred_at[:-1]).nonzero()[0]
    if not len(falls) or (_group_of(rows, mails[falls]) < _group_of(rows, mails[falls + 1])).all():
        return mails
    return mails[np.lexsort((occurred_at, _group_of(rows, mails)))]


def _close(rows: Interactions, mails: Ints) -> Ints:
    """Keeps the few rows that lie so near to the one before or after them that a rule may apply."""
    occurred_at = rows.occurred_at[mails]
    gap = occurred_at[1:] - occurred_at[:-1]
    is_near = (gap >= 0) & (gap <= AT_ONCE_US)
    if not np.count_nonzero(is_near):
        return mails[:0]
    is_close = np.zeros(len(mails), np.bool_)
    is_close[:-1] = is_near
    is_close[1:] |= is_near
    return mails[is_close]


def _has_second(occurred_at: Ints) -> Bools:
    """Tells which times are more exact than a minute; a day alone stands for its last microsecond."""
    second: Bools = (occurred_at % _MINUTE_US != 0) & (occurred_at % _MINUTE_US != _MINUTE_US - 1)
    return second


def _after_sending(
    group: Ints, occurred_at: Ints, available_at: Ints, is_sent: Bools, is_judged: Bools
) -> Ints:
    """Finds the judged rows at most AT_ONCE_US after a mail that was known when they became known."""
    sends = np.flatnonzero(is_sent)
    if not len(sends):
        return sends
    # Of rows at one moment the sending may come last: rows are counted to the end of their moment.
    is_last = np.append((group[1:] != group[:-1]) | (occurred_at[1:] != occurred_at[:-1]), True)
    ends = np.flatnonzero(is_last)
    before = np.cumsum(is_sent)[ends] - 1
    moment = np.cumsum(is_last) - is_last
    row = np.flatnonzero(is_judged)
    place = before[moment[row]]
    marked: list[Ints] = []
    # The last sending nearly always decides; an earlier one where that was not yet known.
    while len(row):
        send = sends[np.maximum(place, 0)]
        is_near = (place >= 0) & (group[send] == group[row])
        is_near &= occurred_at[row] - occurred_at[send] <= AT_ONCE_US
        is_marked = is_near & (available_at[send] <= available_at[row])
        marked.append(row[is_marked])
        goes_on = is_near & ~is_marked
        row, place = row[goes_on], place[goes_on] - 1
    return np.concatenate([*marked, np.empty(0, np.int64)])


def _in_bursts(group: Ints, occurred_at: Ints, available_at: Ints, judged: Ints) -> Ints:
    """Finds the judged rows of whose second at least BURST_ROWS were known when they became known."""
    second = occurred_at[judged] // US_PER_SECOND
    is_first = np.ones(len(judged), np.bool_)
    is_first[1:] = (group[judged][1:] != group[judged][:-1]) | (second[1:] != second[:-1])
    first = np.flatnonzero(is_first)
    counts = np.diff(np.append(first, len(judged)))
    if not (counts >= BURST_ROWS).any():
        return np.empty(0, np.int64)
    run = np.repeat(np.arange(len(first)), counts)
    dense = np.flatnonzero(np.repeat(counts >= BURST_ROWS, counts))
    run, row = run[dense], judged[dense]
    order = np.lexsort((available_at[row], run))
    run, row = run[order], row[order]
    known = available_at[row]
    # Rows that became known together know of each other.
    is_last = np.append((run[1:] != run[:-1]) | (known[1:] != known[:-1]), True)
    ends = np.flatnonzero(is_last)
    end = ends[np.cumsum(is_last) - is_last]
    start = np.flatnonzero(np.concatenate(([True], run[1:] != run[:-1])))
    start_of_run = start[np.cumsum(np.concatenate(([True], run[1:] != run[:-1]))) - 1]
    found: Ints = row[end - start_of_run + 1 >= BURST_ROWS]
    return found
