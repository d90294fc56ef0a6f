"""The page of problems: every code with its meaning, an example and the remedy."""

from __future__ import annotations

from typing import Final

from features.findings.code import Code
from features.findings.codes import CODES
from features.findings.gate_codes import ACCEPTABLE
from features.findings.input_codes import GONE

_STOPPING: Final = {"everything": "stops everything", "training": "stops training", None: "reported"}
_HEAD: Final = """# What can be wrong with a history

`leadodds check` lists everything it finds, each with its code. `train` and `backtest` check again, and check
that no feature knows the future (D058). A code keeps its number. D001 to D019 stop everything; D020 to D049
and D080 to D099 are reported; with D050 to D079 training stops (exit code 2), and the history can still be
scored. D090 to D099, D107 and D108 are found by `leadodds score`, which compares a history with what its
model reads: where all of an input is gone ({gone}) it still writes the scores, and ends with exit code 3. The
other findings are in the model card and in the rule `data_checks` of the verdict. Braces mark what differs
from case to case.

Codes from D039 on find histories that can be read but would mislead a model. Where an honest explanation is
likely they are only reported. You can accept {acceptable} after you have looked into them:
with `accepted_codes = ["D055"]` in `leadodds.toml` training goes on, and the card says so.
"""


def problems_page() -> str:
    """Lists every code with its meaning, an example and the remedy, as Markdown."""
    head = _HEAD.format(acceptable=", ".join(sorted(ACCEPTABLE)), gone=", ".join(sorted(GONE)))
    return "\n".join([head, *(_code_section(number, code) for number, code in CODES.items())])


def _code_section(number: str, code: Code) -> str:
    return (
        f"## {number} {code.title}\n\n"
        f"*{_STOPPING[code.stops]}* · {code.sentence}\n\n"
        f"- For example: {code.example}.\n"
        f"- What to do: {code.remedy}\n"
    )
