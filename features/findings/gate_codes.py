"""The codes of the data gate: faults of a history that can be read, but would mislead a model.

A code stops training where the model would look good on past data and fail on new leads in every case. A
fault that may have an honest explanation is only reported and left to people: refusing an honest history
costs more than a missed fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.findings.code import Code

# Codes that the configuration can accept: each has a rare honest explanation.
ACCEPTABLE: Final = frozenset({"D055", "D056", "D057"})

GATE_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "D039": Code(
            title="few conversions",
            stops=None,
            sentence="There {are} {conversions}: intervals will be wide; {missing} more make {enough}{pace}.",
            remedy="Read the intervals, not the figures alone; train again when there are more.",
            example="a young business with 120 conversions",
        ),
        "D040": Code(
            title="base rate that jumps",
            stops=None,
            sentence="Of the leads created in the {weeks} weeks before {day}, {earlier} were known to "
            "have converted within {horizon} days, of those created in the {weeks} weeks from then on "
            "{later}.",
            remedy="Find out what changed (who is recorded as a lead, what counts as converted, a new "
            "source); what is older may mislead.",
            example="from January on only leads that had been spoken to were entered",
        ),
        "D041": Code(
            title="the same lead under several ids",
            stops=None,
            sentence="leads has {leads} with the same attributes and interactions as another one.",
            remedy="Merge them: one outcome would teach twice, or one of the two would seem never to "
            "convert.",
            example="a lead imported from two systems",
        ),
        "D042": Code(
            title="kind that vanished",
            stops=None,
            sentence="Interactions of the kind {kind} end on {day}, {days} days before the others; "
            "until then they had never paused for more than {silence} days.",
            remedy="Look whether they are still recorded; if the kind was given up or renamed, map the "
            "old name to the new one.",
            example="the tracking script was lost in a new web site",
        ),
        "D043": Code(
            title="table that ends or thins out",
            stops=None,
            sentence="The table {table} {fault}.",
            remedy="Look whether everything was exported; the last leads look colder than they are.",
            example="an export of interactions that broke off; outcomes that go on for months",
        ),
        "D044": Code(
            title="active at night",
            stops=None,
            sentence="{group} peaks at {hour}:00 UTC, in the hours in which the rest of the history "
            "rests: {share} of {rows} fall there, of the rest {rest}.",
            remedy="Look whether its times are local ones labelled UTC; where machines do it at night, "
            "nothing is wrong.",
            example="a telephone system that writes Pacific time with a Z",
        ),
        "D045": Code(
            title="dates without a time of day",
            stops=None,
            sentence="{table}.{column} has no time of day{where}: {share} of {rows} fall on midnight.",
            remedy="Give the time of day, if it is known: what happened on one day cannot be put in "
            "order, and counts as known too early.",
            example="a date column read as midnight",
        ),
        "D046": Code(
            title="a day that created many leads",
            stops=None,
            sentence="{leads}, {share} of all, were created on {day}, {times} times as many as on a "
            "usual day.",
            remedy="If they were imported, give them the time at which they arose, or leave them out.",
            example="a list bought, or a CRM migrated, on one day",
        ),
        "D047": Code(
            title="kind that comes with the conversion",
            stops=None,
            sentence="Interactions of the kind {kind} {fault}.",
            remedy="Leave the kind out, if it is a consequence of the conversion or written down with it.",
            example="a welcome mail; an order confirmation of one of several products",
        ),
        "D048": Code(
            title="attribute filled in on the way",
            stops=None,
            sentence="leads.{column} is filled for {filled} of the leads that converted, and for "
            "{others} of the others created in the same weeks.",
            remedy="If it is filled in while the lead is worked on, add the times to "
            "attribute_changes, or leave it out.",
            example="a budget that is asked for in the first conversation",
        ),
        "D049": Code(
            title="attribute that young leads lack",
            stops=None,
            sentence="leads.{column} is filled for {young} of the leads of the last {days} days, and "
            "for {older} of those before.",
            remedy="If it is filled in later, add the times to attribute_changes, or leave it out: new "
            "leads will not have it.",
            example="an industry that a person looks up after some days",
        ),
        "D055": Code(
            title="feature that predicts implausibly well",
            stops="training",
            sentence="The feature {feature} alone tells who converts: AUC {auc} [{low}, {high}] at "
            "creation, on {leads} later than those it was learnt from; {limit} is not plausible.",
            remedy="Look where it comes from: leave it out, or give the time at which it became known. "
            'If it is honest, set accepted_codes = ["D055"].',
            example="the number of contacts as of today, exported with every old lead",
        ),
        "D056": Code(
            title="kind that is the outcome by another name",
            stops="training",
            sentence="Interactions of the kind {kind} are the outcome by another name: {share} of the "
            "{leads} that had one converted within {hours} hours of it, and {covered} of all that "
            "converted had one.",
            remedy="Leave the kind out, or let it be the outcome. If it is honest, set accepted_codes "
            '= ["D056"].',
            example="contract_signed, written down when the deal is closed",
        ),
        "D057": Code(
            title="attribute that holds the outcome",
            stops="training",
            sentence="leads.{column} {fault}.",
            remedy="Leave it out, or add to attribute_changes when it became known. If it was known at "
            'creation, set accepted_codes = ["D057"].',
            example="a reason of loss; a customer number; a status as of today",
        ),
        "D058": Code(
            title="feature that knows the future",
            stops="training",
            sentence="Features of {leads} change when what came later is removed: {features}.",
            remedy="This is a defect of LeadOdds: report it with these features.",
            example="a measure that counts what was not known yet",
        ),
        "D059": Code(
            title="a table that lies in the future",
            stops="training",
            sentence="{share} of {table}.{column} lie after now.",
            remedy="Look at the clocks and zones of the system that wrote them, and of this machine.",
            example="local times labelled UTC; a copy whose dates were shifted",
        ),
        "D080": Code(
            title="rows after the end",
            stops=None,
            sentence="{table} has {rows} known at {when}, after now or after the rows of all tables end as a "
            "mass ({end}); they do not move observed_until and teach nothing.",
            remedy="Correct the time, if it is a typo; a planned meeting or task is known when it is "
            "planned, a time that stands for never is an empty cell.",
            example="a meeting in 2099; 9999-12-31T23:59:59Z",
        ),
        "D081": Code(
            title="rows before the beginning",
            stops=None,
            sentence="{table} has {rows} known at {when}, before the leads begin as a mass ({begin}); the "
            "history does not begin with them.",
            remedy="Correct the time, or leave the cell empty where it stands for an unknown one.",
            example="a lead of 1900; 1970-01-01T00:00:00Z",
        ),
        "D082": Code(
            title="amount far above the usual",
            stops=None,
            sentence="outcomes.amount lies far above the usual ({usual}) in {rows}, up to {most}; left out "
            "of the expected amount.",
            remedy="Correct the amount, if it is a typo or in another currency.",
            example="1,000,000,000,000 among amounts of 1,000",
        ),
        "D083": Code(
            title="amount below zero",
            stops=None,
            sentence="outcomes.amount lies below zero in {rows}, down to {least}; left out of the expected "
            "amount.",
            remedy="Write what a conversion brings as a number above zero.",
            example="credits of a bookkeeping export",
        ),
        "D084": Code(
            title="a day that closed many leads",
            stops=None,
            sentence="{leads}, {share} of all that were closed, have outcomes.{column} on {day}{times}.",
            remedy="Give the time at which each was closed; where a bulk update wrote them, it is not known.",
            example="a script that set all old leads to lost in one minute",
        ),
        "D085": Code(
            title="an account with implausibly many leads",
            stops=None,
            sentence="{leads}, {share} of all, have the same account_id: it is hardly one company.",
            remedy="Leave account_id empty where the company is not known; a word like unknown or the "
            "domain of a mail provider joins strangers, and what one of them does counts for all.",
            example="unknown; gmail.com",
        ),
    }
)
