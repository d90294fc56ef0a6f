"""The codes of the inputs of a model: what a model reads and a history that is scored does not have.

None stops scoring. Where all of an input is gone the command still writes the scores, and ends with 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.findings.code import Code

# Codes that mean that all of an input is gone.
GONE: Final = frozenset({"D090", "D092", "D095", "D097", "D108"})

# Codes of rows that are left out, whatever a model reads, and of directions that count as empty.
LEFT_OUT: Final = frozenset({"D020", "D021", "D023", "D025", "D026", "D027"})

INPUT_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "D090": Code(
            title="input of the model absent",
            stops=None,
            sentence="The model reads {table}.{column}, and there is no such column{near}; "
            "every score is made without it.",
            remedy="Name the column as in the history of the training, or accept it with "
            "--accept-missing {column}.",
            example="country became Country in the export",
        ),
        "D091": Code(
            title="input of the model empty",
            stops=None,
            sentence="The model reads {table}.{column}, and it is empty in every row.",
            remedy="Look whether the export still fills it.",
            example="a field that lost its permission to be exported",
        ),
        "D092": Code(
            title="input of another type",
            stops=None,
            sentence="The model reads {table}.{column} as a {expected}, and no cell is one; "
            "every score is made without it.",
            remedy="Write it as in the history of the training, or accept it with --accept-missing {column}.",
            example="numbers that are exported as 1,250 instead of 1250",
        ),
        "D093": Code(
            title="cells of another type",
            stops=None,
            sentence="The model reads {table}.{column} as a {expected}, which {rows} {are} not; "
            "they count as missing.",
            remedy="Write them as in the history of the training.",
            example="about 50 in a column of numbers",
        ),
        "D094": Code(
            title="no value that the model knows",
            stops=None,
            sentence="The model knows no value of {table}.{column} in {rows}.",
            remedy="Compare the values with those of the history of the training.",
            example="countries as codes at the training, and as names now",
        ),
        "D095": Code(
            title="no interaction of a lead",
            stops=None,
            sentence="The lead_id of interactions is that of no lead in any of {rows}{near}; "
            "every score is made without interactions.",
            remedy="Write the ids in both tables in the same way, or accept it with --accept-missing "
            "interactions.lead_id.",
            example="ids with a space at their end in one table; capitals in the other",
        ),
        "D096": Code(
            title="interactions of no lead",
            stops=None,
            sentence="The lead_id of interactions is that of no lead in {rows}, left out{near}.",
            remedy="Export the leads of the same period, and write the ids in both tables in the same way.",
            example="some ids with a space at their end",
        ),
        "D097": Code(
            title="no kind that the model knows",
            stops=None,
            sentence="The model knows the kind of none of the interactions: {rows}, for example {kinds}.",
            remedy="Write the kinds as in the history of the training, or accept it with "
            "--accept-missing kind.",
            example="EMAIL_OPENED instead of email_opened",
        ),
        "D098": Code(
            title="kind in another spelling",
            stops=None,
            sentence="interactions has {rows} of a kind that the model knows in another spelling: {kinds}.",
            remedy="Write the kinds as in the history of the training.",
            example="Email Opened beside email_opened",
        ),
        "D099": Code(
            title="kind that no longer occurs",
            stops=None,
            sentence="The kind {kinds} never occurs, where about {leads} are expected to have it.",
            remedy="Look whether the kind was renamed or is no longer exported.",
            example="demo_requested became Demo Form",
        ),
        "D107": Code(
            title="table that the training had",
            stops=None,
            sentence="The training had rows of {table} that count for this model, and there are none; "
            "{effect}.",
            remedy="Export the table as for the training, or accept it with --accept-missing {table}.",
            example="outcomes.csv became outcome.csv, so that customers are scored as open leads",
        ),
        "D108": Code(
            title="no interaction known yet",
            stops=None,
            sentence="interactions has {rows}, and all become known after {as_of}, the moment of the "
            "scores; every score is made without them.",
            remedy="Look at available_at and at the zone of the times; or accept it with --accept-missing "
            "available_at.",
            example="available_at holds the time of an export that came after --as-of",
        ),
    }
)


def change_expected(type_: str, attribute: str) -> str:
    """Says in a finding which type the changes of an attribute are expected to have.

    >>> change_expected("number", "size")
    'number (size)'
    """
    return f"{type_} ({attribute})"
