"""The codes of histories from which no model can be tested: nothing is wrong with their rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.findings.code import Code

TRAINING_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "D070": Code(
            title="conversions at creation",
            stops="training",
            sentence="{conversions} fall on the creation of their lead; {after} come later, where {needed} "
            "are needed: nothing is left to predict of a lead that is created by its conversion.",
            remedy="Give created_at as the time at which the lead arose, not that of its conversion or of an "
            "import, and export the leads that never converted too.",
            example="customers exported as leads; a CRM migration that created all leads anew",
        ),
        "D071": Code(
            title="outcomes written in one go",
            stops="training",
            sentence="{share} of {conversions} became known on {day}: no moment of the past knew enough "
            "of them to fit a model that the time since then can test.",
            remedy="Give occurred_at and available_at of each outcome as they were, not those of a bulk "
            "update or an import; leave available_at out where outcomes are known when they occur.",
            example="available_at as the time of the export; a clean-up that closed all leads in one minute",
        ),
        "D072": Code(
            title="too few conversions after creation",
            stops="training",
            sentence="There {are} {conversions} after the creation of the lead, fewer than {needed}; "
            "{missing} more needed.",
            remedy="Take a longer history, or set min_conversions_per_bin lower.",
            example="a business of three months",
        ),
        "D073": Code(
            title="no horizon that can be tested",
            stops="training",
            sentence="No horizon from {longest} days down to {shortest} can be tested: some moment of the "
            "past must have {needed} leads that converted within the horizon by then, and the horizon must "
            "have passed again since. That many had converted on {day} at the earliest, and the history ends "
            "on {end}.{late}",
            remedy="Take a history that goes on for longer after that day; a later --observed-until helps "
            "where outcomes are complete until then.",
            example="a business whose first customers came last week",
        ),
        "D074": Code(
            title="nothing converts where the model would be tested",
            stops="training",
            sentence="No lead is known to convert within {horizon} days of a moment from {day} to {end}, "
            "where the model would be tested.",
            remedy="Look whether outcomes were exported to the end; set --observed-until to the day until "
            "which they are complete.",
            example="outcomes that end a year before the interactions",
        ),
        "D075": Code(
            title="too little known where a model would be fitted",
            stops="training",
            sentence="From {day} to {end} too little was known at any moment to fit a model of {horizon} "
            "days: {needed} leads must be known to have converted in its last time bin.{late}",
            remedy="Take a longer history, set horizon_days lower, or give available_at of the outcomes as "
            "it was.",
            example="conversions that are entered months after they happen",
        ),
        "D076": Code(
            title="only one outcome where the model would be tested",
            stops="training",
            sentence="Of {tested} from {day} to {end} {converted} converted within {horizon} days; a model "
            "can only be tested where some do and some do not.",
            remedy="Export the leads that never converted too, and outcomes to the end of the history.",
            example="a table of customers instead of leads",
        ),
        "D077": Code(
            title="observed until a moment that has not come",
            stops="training",
            sentence="observed_until was given as {end}, which lies after now: leads whose outcome is not "
            "known yet would count as not converted.",
            remedy="Give the day until which outcomes are complete, or leave it out.",
            example="--observed-until 2150-01-01T00:00:00Z",
        ),
    }
)
