"""The numbered list of faults that a history can have; a code never changes its number."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.findings.alias_codes import ALIAS_CODES
from features.findings.code import Code
from features.findings.gate_codes import GATE_CODES
from features.findings.input_codes import INPUT_CODES
from features.findings.settings_codes import SETTINGS_CODES
from features.findings.training_codes import TRAINING_CODES

CONVERSIONS_NEEDED: Final = 50
LEADS_NEEDED: Final = 10


CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "D001": Code(
            title="no history there",
            stops="everything",
            sentence="{place} {fault}.",
            remedy="Name a folder with the tables leads, interactions and outcomes, or a database URL.",
            example="a misspelt folder; a database that does not answer",
        ),
        "D002": Code(
            title="missing table",
            stops="everything",
            sentence="The table {table} is missing{near}.",
            remedy="Add {table}.parquet or {table}.csv (in a database or in memory: a table of that name).",
            example="a folder with leads.csv only; Lead.csv instead of leads.csv",
        ),
        "D003": Code(
            title="a table twice",
            stops="everything",
            sentence="The table {table} is there more than once: {files}.",
            remedy="Keep the one that counts.",
            example="leads.csv beside leads.parquet",
        ),
        "D004": Code(
            title="unreadable table",
            stops="everything",
            sentence="{file} cannot be read: {fault}.",
            remedy="Write it again from where it came.",
            example="an empty file; a Parquet file that was cut short; a CSV row with a comma too many; the "
            "footer of a report",
        ),
        "D005": Code(
            title="not UTF-8",
            stops="everything",
            sentence="{file} is not UTF-8: line {line} has bytes that are no text.",
            remedy="Save it as UTF-8 (in Excel: CSV UTF-8).",
            example="a CSV saved in Latin-1",
        ),
        "D006": Code(
            title="missing column",
            stops="everything",
            sentence="{table} lacks {missing}; it has {present}.",
            remedy="Rename {renamed}.",
            example="timestamp instead of occurred_at",
        ),
        "D007": Code(
            title="a column twice",
            stops="everything",
            sentence="{table} has the column {column} more than once.",
            remedy="Keep the one that counts.",
            example="a join that brought lead_id along twice",
        ),
        "D008": Code(
            title="column of another type",
            stops="everything",
            sentence="{table}.{column} is {present}, where {expected} is expected.",
            remedy="Convert the column.",
            example="occurred_at as seconds since 1970; a list as a kind",
        ),
        "D009": Code(
            title="time without a zone",
            stops="everything",
            sentence="{table}.{column} carries no zone in {rows}, so the instant is unknown.",
            remedy="Write times like 2026-05-01T12:00:00Z, or say in history.toml in which zone they are: "
            'zone = "Europe/Amsterdam".',
            example="2026-05-01 12:00:00; a date alone; a Parquet timestamp without a zone",
        ),
        "D010": Code(
            title="not a time",
            stops="everything",
            sentence="{table}.{column} is not a time in {rows}{such}.",
            remedy="Write times like 2026-05-01T12:00:00Z, in the years 1 to 9999, or seconds since 1970.",
            example="yesterday; the 30th of February",
        ),
        "D011": Code(
            title="lead without id or creation",
            stops="everything",
            sentence="leads.{column} is empty in {rows}.",
            remedy="Every lead needs an id and the time at which it was created.",
            example="an empty cell in lead_id",
        ),
        "D012": Code(
            title="duplicate lead id",
            stops="everything",
            sentence="leads has {leads} more than once.",
            remedy="Keep one row a lead; later values of its attributes go to attribute_changes.",
            example="one row for every state of a lead",
        ),
        "D013": Code(
            title="unknown outcome",
            stops="everything",
            sentence="outcomes.outcome is none of converted, lost and reopened in {rows}.",
            remedy="Write converted, lost or reopened; leads that were never closed have no row.",
            example="won; Closed Lost",
        ),
        "D014": Code(
            title="parts that do not fit",
            stops="everything",
            sentence="{file} does not fit the other parts of its table: {fault}.",
            remedy="Write all parts of a table with the same columns, each of one type.",
            example="size is a number in one Parquet file and a text in the next; a part without lead_id",
        ),
        "D015": Code(
            title="table in a format that is not read",
            stops="everything",
            sentence="{file} is {kind} that is not read.",
            remedy="Save it as {table}.csv (in Excel: File, Save As, CSV UTF-8, one file for each sheet).",
            example="leads.xlsx",
        ),
        "D020": Code(
            title="required cell empty",
            stops=None,
            sentence="{table} has {rows} without {column}, left out.",
            remedy="Fill {column}, if it is known.",
            example="an interaction without a time",
        ),
        "D021": Code(
            title="unknown lead",
            stops=None,
            sentence="{table} has {rows} of leads that are not in leads, left out.",
            remedy="Export the leads of the same period, deleted and merged ones too.",
            example="interactions of a lead that was merged into another",
        ),
        "D022": Code(
            title="outcome before creation",
            stops=None,
            sentence="outcomes has {rows} from before the lead was created, counted from its creation on.",
            remedy="Look whether created_at is the time of an import. Leads closed at their creation are no "
            "examples for training.",
            example="a CRM migration that gave all leads a new creation time",
        ),
        "D023": Code(
            title="outcome that changes nothing",
            stops=None,
            sentence="outcomes has {rows} that give the lead the state it is in already, left out.",
            remedy="Nothing to do where an export repeats rows. A lead that starts anew needs reopened.",
            example="converted twice",
        ),
        "D110": Code(
            title="two contents of one outcome at one moment",
            stops=None,
            sentence="outcomes has {rows} that a row with the same outcome_id replaces at the moment at "
            "which they became known, so they count at no moment.",
            remedy="Write into available_at when each became known: the last known row counts; of one moment "
            "the conversion does.",
            example="converted, corrected to lost, and both without available_at",
        ),
        "D024": Code(
            title="known before it happened",
            stops=None,
            sentence="{table}.available_at lies before occurred_at in {rows}; they count from occurred_at.",
            remedy="Look at the clocks and zones of the system that wrote them.",
            example="local time in one column, UTC in the other",
        ),
        "D025": Code(
            title="sent twice",
            stops=None,
            sentence="interactions has {rows} with a source and interaction_id that came before, left out.",
            remedy="Nothing to do if they were sent twice; else give each its own id.",
            example="a web hook that was delivered again",
        ),
        "D026": Code(
            title="one id, several leads",
            stops=None,
            sentence="interactions has {rows} left out: another lead has their source and interaction_id.",
            remedy="If they are not the same, give each its own id, or leave the id empty.",
            example="a meeting with two people, exported once for each; ids counted anew for every lead",
        ),
        "D027": Code(
            title="unknown direction",
            stops=None,
            sentence="interactions.direction is neither inbound nor outbound in {rows}; they count as empty.",
            remedy="Write inbound (they came), outbound (we went), or nothing.",
            example="in; internal",
        ),
        "D028": Code(
            title="columns of some parts only",
            stops=None,
            sentence="{table} has columns that only some of its parts have: {columns}; they are empty in "
            "the others.",
            remedy="Nothing to do where a column was added later; else give it one name in all parts.",
            example="a folder of monthly exports, of which only the later ones have available_at",
        ),
        "D029": Code(
            title="files not used",
            stops=None,
            sentence="Files of the folder are no table of a history and are not used: {files}.",
            remedy="Nothing to do, unless one of them is a table under another name{near}.",
            example="outcome.csv instead of outcomes.csv",
        ),
        "D030": Code(
            title="infinite value",
            stops=None,
            sentence="{table}.{column} is infinite in {rows}; they count as missing.",
            remedy="Look for a division by zero where the column is made.",
            example="revenue per employee of a company with no employees",
        ),
        "D031": Code(
            title="not a value of its type",
            stops=None,
            sentence="{table}.{column} is not a {expected} in {rows}{such}; they count as missing.",
            remedy="Write plain numbers like 1234.5, and true or false.",
            example="about 50 in a column of numbers",
        ),
        "D032": Code(
            title="all-null column",
            stops=None,
            sentence="leads.{column} is empty for every lead, left out.",
            remedy="Leave the column out, or fill it.",
            example="a custom field that nobody uses",
        ),
        "D033": Code(
            title="constant column",
            stops=None,
            sentence="leads.{column} is the same for every lead, left out of the default catalogue.",
            remedy="Nothing to do.",
            example="the currency of a company that sells in one country",
        ),
        "D034": Code(
            title="attribute that cannot be used",
            stops=None,
            sentence="leads.{column} is {present}, left out: attributes are numbers, booleans or categories.",
            remedy="Turn it into one of them; what happened at a time is an interaction.",
            example="a list of tags; the date of the last call",
        ),
        "D035": Code(
            title="a value of its own for every lead",
            stops=None,
            sentence="leads.{column} is different for nearly every lead; nothing can be learnt from it.",
            remedy="Leave it out, above all if it is a name, an address or a number of a person.",
            example="an e-mail address; a text of notes",
        ),
        "D036": Code(
            title="columns not used",
            stops=None,
            sentence="{table} has columns that are not used: {columns}.",
            remedy="Nothing to do, unless one of them is a misspelt name{near}.",
            example="agent_id in interactions; chanel",
        ),
        "D037": Code(
            title="attributes without changes",
            stops=None,
            sentence="Without attribute_changes every attribute counts as known when the lead was created.",
            remedy="Leave out attributes that are filled in later, or add their changes with the times.",
            example="an export with today's values",
        ),
        "D038": Code(
            title="nothing is ever lost",
            stops=None,
            sentence="No lead was ever lost: a lead that did not convert stays open for ever.",
            remedy="Record losses too, if anybody knows of them.",
            example="a CRM in which dead leads are simply left lying",
        ),
        "D050": Code(
            title="no outcomes",
            stops="training",
            sentence="There are no outcomes.",
            remedy="Add the table outcomes; without it leads can only be scored.",
            example="a history for scoring only",
        ),
        "D051": Code(
            title="one class only",
            stops="training",
            sentence="{fault}, so there is nothing to tell apart.",
            remedy="Add the leads that did, and those that did not, of the same period.",
            example="an export of customers",
        ),
        "D052": Code(
            title="too few conversions",
            stops="training",
            sentence="There {are} {conversions}, fewer than {needed}; {missing} more needed.",
            remedy="Take a longer history.",
            example="a business of three months",
        ),
        "D053": Code(
            title="too few leads",
            stops="training",
            sentence="There {are} {leads}, fewer than {needed}; {missing} more needed.",
            remedy="Take a longer history.",
            example="an empty file with its column names only",
        ),
        "D054": Code(
            title="shorter than the horizon",
            stops="training",
            sentence="From the first lead to observed_until the history is {days} days long, "
            "shorter than the horizon of {horizon} days; {missing} days more needed.",
            remedy="Take a longer history or a shorter horizon.",
            example="an export of last week",
        ),
        **ALIAS_CODES,
        **GATE_CODES,
        **SETTINGS_CODES,
        **TRAINING_CODES,
        **INPUT_CODES,
        "D086": Code(
            title="an attribute with the name of another column",
            stops=None,
            sentence="leads.{column} has the name of a column that every table of features has; its feature "
            "has a number after that name.",
            remedy="Give the column another name, so that the feature has that one.",
            example="an attribute as_of, whose feature is as_of_2",
        ),
        "D088": Code(
            title="machine-made interactions",
            stops=None,
            sentence="interactions has {rows} that a machine made ({why}), left out of features.",
            remedy="Nothing is to be done. To count them, write count_machine_made = true in the "
            "configuration of a training.",
            example="a mail gateway that opens every link at delivery; is_automated = true",
        ),
        "D087": Code(
            title="kinds spelt alike",
            stops=None,
            sentence="interactions.kind has {names}, which differ in spelling only; each counts as a kind of "
            "its own, and a number tells their features apart.",
            remedy="Write one kind in one way, if they are one.",
            example="email_opened; Email Opened",
        ),
    }
)
