"""The page of columns: what a history takes, and what a score gives."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from docs.pages.tables import code, table
from features.history.text_rule import DASH, MISSING, TEXT_RULE, category_text
from features.parsing.written_numbers import NEARLY_ALL
from features.tables.schema import COLUMN_DOCS, REQUIRED, TABLE_DOCS
from serving.http.openapi.score_answers import CurvePoint, LeadScore, Reason
from serving.scoring.arrow_rows import SCORE_SCHEMA

_HEAD: Final = """# Columns

## A history

A history is a folder with the tables below as `.parquet`, `.csv`, `.csv.gz`, `.jsonl` or `.jsonl.gz`, or the
same tables in SQLite or PostgreSQL. `leads` and `interactions` are required; without outcomes the history can
be scored, but not used for training; `attribute_changes` and `lead_aliases` are optional. The order of rows
does not matter. Times carry a zone. Each [problem](problems.md) with a history has a code.
"""
_FILES: Final = """### Files

Each table is one file, named after it (`leads.csv`; capitals do not count), or a folder of that name with
parts of the table. Two files for one table are refused, and so is a file that is cut short.

- **CSV**: the first line that is not blank holds the names of the columns. A title before them
  is skipped: lines of one cell or less than half, above one that names all required columns. Cells are
  separated by commas, semicolons, tabs or pipes, whichever the header and the rows agree on. The text is
  UTF-8, or has the mark of UTF-16 or UTF-32. Every cell is read as text; the type of an attribute is told
  from its cells that are known at a moment. Numbers that begin with a zero, such as the postal code 01234,
  are codes, that is categories.
- **JSON lines**: one object a line, whose names are the columns. A name that a line lacks is an empty cell,
  and the type of a column is told from all lines. An attribute with cells of several types, as SQLite and
  DataFrames may have too, is a number where all cells known at a moment are, else a category.
- **Parts**: a folder such as `interactions.parquet/` of files of one format, in folders of any depth. The
  table has the columns of all parts: a column that some of them lack is empty in their rows, and types that
  differ are widened (whole numbers and floats, decimals, times of several units and zones, texts and
  categories; ids of any type become texts). Parts whose types cannot be joined are refused by name. A folder
  name such as `country=nl` is a column of the parts in it, and `lead_id=007` is the id 007; where the rows
  have that column too, both have to agree. Names that begin with a dot or an underscore are left out.

"""
_SETTINGS: Final = """### history.toml

What the tables do not say of themselves stands beside them, in a file `history.toml`. Every key is optional;
an unknown one is refused.

```toml
# history.toml
exported_at = 2026-05-01T12:00:00Z
zone = "Europe/Amsterdam"
missing = ["unknown", "n/a"]

[formats.leads]
created_at = "day/month/year"
revenue = "1.234,5"

[formats.outcomes]
occurred_at = "date"

[attributes.revenue]
known = "export"

[attributes.owner]
use = "display"
```

| key | meaning |
|---|---|
| `exported_at` | When the tables were exported: a time with a zone. |
| `zone` | The zone of times and dates that carry none, by its IANA name. |
| `formats.<table>.<column>` | How a column of [numbers or times](#numbers-and-times) is written: `1,234.5` \
or `1.234,5`; `day/month/year` or `month/day/year`; `date` where only the day of a time counts. |
| `missing` | The spellings of a missing cell; they replace those below. |
| `attributes.<name>.known` | When the values of an attribute in `leads` were known. `creation`: \
when the lead was created. `changes`: likewise, with later values in `attribute_changes`. `export`: they \
are as of the export. |
| `attributes.<name>.use` | `feature`: a model may use it. `display`: it is only shown. `protected`: it is \
no feature, but groups of leads can be compared by it (`segments`). `ignore`: as if it were not there. |

An attribute without an entry is a feature, and counts as known from the creation of its lead. One with
`known = "export"` is none, and `check` says so (D105): it may have been filled in after the sale, which is
the commonest way in which a model looks better than it is. Who knows better writes `use = "feature"` beside
it. A catalogue of your own that names an attribute which is no feature is refused.

In a database the same stands in the table `history_settings` with the columns `key` and `value`: the key
with dots where it is nested (`attributes.revenue.known`), the value as TOML (`"export"`, with quotes). Among
DataFrames it is one of that name.

The model card keeps the settings that its model was trained with, as `text_rule` and `history_settings`.
Scoring takes missing cells and attributes from there, even if `history.toml` has changed since; zone and
formats too, where the tables that are scored say nothing of their own.

"""
_CELLS: Final = """### Missing cells

null, NaN and an empty text are missing in every column: as an id, an account, a campaign, a category, a
number, a boolean or a time. So are these spellings, as written here, in lower case, in upper case, and in
lower case with a first capital:

{missing}

A lone {dash} is missing in columns of numbers and times; as a category it is a text. Cells are not trimmed,
so a spelling with a space is a text, and so is a cell of blanks alone.

If your tables spell a missing cell in another way, or use one of these spellings as a category, list your own
spellings as `missing` in [history.toml](#historytoml); they replace those above.

### Numbers and times

In files and columns of text a number is read as people write it, where it has one meaning: `1,234.50`,
`1.234,50`, `12,5`, `1 234`, `$22,700.00`, `5 EUR`, `(3)` for a negative one, and `12%`, which is 12. A column
is one of numbers where at least {nearly_all:.0%} of its filled cells are.

A time is written like `2026-05-01T12:00:00Z`, with any offset, with `UTC` or `GMT` written out, or as whole
seconds, milliseconds or microseconds since 1970, which their size tells apart. `2016/10/20`, `20-Oct-2016`,
`Oct 20, 2016` and `10/20/2016 2:05 PM` are read too. Times without a zone need `zone` in
[history.toml](#historytoml), else they are refused (D009). One that occurs twice, or never, when clocks
change is the later instant. A date alone counts at the end of its day.
Where an outcome has a date only, what its lead has on that day, interactions and changes, is known only
after the outcome.

`4,088` may be four thousand or four, and `03/04/2016` in March or April. The cells of the same column that
have one meaning decide for all of it: `4,088.50` or `12,5`; `10/20/2016`. Where there is none, or where they
contradict each other, nothing is guessed: D017 and D018 show a cell, and the line for `history.toml` that
says what it means. What was decided is kept in the model card, and applied when the model scores; a column
that contradicts it stops the scoring. `1.234` is read as 1.234, unless its column has decimal commas. A year
of two digits decides nothing.

A column of `leads` that holds dates is no attribute (D034).

### Ids and categories

Ids, kinds, channels, campaigns and categories are texts, and a text is kept as it is: 007 is not 7, and in
a CSV file 5.0 is not 5. Columns of other types become texts by one rule, the same in every kind of source,
in requests and in tables of features:

{texts}
The model card holds, as `text_rule`, the number of this rule and the spellings of a missing cell that the
model was trained with. Scoring with the model uses these, even if `history.toml` has changed since. A model
of an earlier release has no `text_rule`; its scores stay as they were.
"""
# Kinds of cells, with some of each.
_WRITTEN: Final = (
    ("whole numbers, of any size", (5, 51200000001, Decimal("12345678901234567890"))),
    ("floats that are whole, below 2^53", (5.0, 51200000001.0)),
    (
        "other floats: the shortest decimal that reads back in their own width",
        (0.1, np.float32(0.1), 1e-05, 1e16),
    ),
    ("decimals", (Decimal("5.10"), Decimal("5.00"))),
    ("booleans", (True, False)),
)
_SCORES_HEAD: Final = """## Scores

One row per lead that exists at `as_of`, sorted by `lead_id`, with the columns in this order. `POST /v1/score`
answers the same fields as one object. In a CSV file and in a database, `reasons` and `curve` are JSON texts.
"""
_REASONS_HEAD: Final = """### Entries of reasons

The entries with the largest absolute points, then one named `other` for the sum of the rest: `base_log_odds`
plus all points is the logit of the probability.
"""
_CURVE_HEAD: Final = "### Entries of curve\n"


def columns_page() -> str:
    """Lists the columns of all tables with type and meaning, as Markdown."""
    scores = ((code(name), *rest) for name, *rest in _score_rows())
    parts = [
        _HEAD,
        *(_history_table(name) for name in REQUIRED),
        _FILES,
        _SETTINGS,
        _cells(),
        _SCORES_HEAD,
        table(["column", "type", "meaning"], scores),
        _REASONS_HEAD,
        table(["field", "meaning"], _described(Reason)),
        _CURVE_HEAD,
        table(["field", "meaning"], _described(CurvePoint)),
    ]
    return "\n".join(parts)


def _history_table(name: str) -> str:
    rows = [
        (code(column), "yes" if column in REQUIRED[name] else "", words.holds, words.meaning)
        for column, words in COLUMN_DOCS[name].items()
    ]
    listed = table(["column", "required", "holds", "meaning"], rows)
    return f"### {name}\n\n{TABLE_DOCS[name]}\n\n{listed}"


def _cells() -> str:
    """Says which cells are missing, and which text each other one has."""
    rows = (
        (
            kind,
            ", ".join(map(_shown, cells)),
            ", ".join(code(category_text(cell, TEXT_RULE) or "") for cell in cells),
        )
        for kind, cells in _WRITTEN
    )
    missing = ", ".join(map(code, MISSING))
    return _CELLS.format(
        nearly_all=NEARLY_ALL,
        missing=missing,
        dash=code(DASH),
        texts=table(["cells", "such as", "text"], rows),
    )


def _shown(cell: object) -> str:
    kinds = {np.float32: "{} as float32", Decimal: "{} as decimal"}
    return kinds.get(type(cell), "{}").format(str(cell))


def _score_rows() -> Iterator[tuple[str, str, str]]:
    for field in SCORE_SCHEMA:
        yield field.name, _type_words(field.type), LeadScore.model_fields[field.name].description or ""


def _type_words(kind: pa.DataType) -> str:
    """Says in plain words what a column holds."""
    if pa.types.is_list(kind):
        return "list"
    if pa.types.is_timestamp(kind):
        return "time, UTC"
    words = {pa.string(): "text", pa.float64(): "number", pa.int64(): "whole number", pa.bool_(): "boolean"}
    return words[kind]


def _described(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        yield code(name), field.description or ""
