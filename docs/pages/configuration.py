"""The page of the configuration: every key with unit, default, range and reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from training.config import OLD_KEYS, TrainingConfig
from training.monitor_limits import MonitorLimits

_HEAD: Final = """# Configuration

`leadodds train` and `leadodds backtest` need no configuration. To change a default, write the key into
`leadodds.toml` in the working folder, which both read and name in their output, or into another file and
name it with `--config`. `leadodds check` reads the same file, to judge the training that it describes,
`leadodds score` reads `accept_missing` from it, `leadodds monitor` the table `monitor`, and the server the
table `alerts`, which [its page](alerts.md) describes. A key that is
not in this list is refused, with the nearest one as a suggestion. The model card (`card.json` of the
bundle, `config`) and the parameters of the MLflow run record the configuration that was used, except
`workers`, `accept_missing` and `monitor`, which change no model. Keys that were renamed are still read by
their old name: {old_keys}.

```toml
# leadodds.toml
{example}```

"""
_TABLE: Final = """| key | unit | default | allowed | meaning, and the reason for the default |
|---|---|---|---|---|
"""
_MONITOR: Final = """
## The table `[monitor]`

What `leadodds monitor` calls a crossed limit, and exits 4 for; [Watch a model](monitoring.md) says how they
are used.

"""
# A plausible configuration; other keys keep their defaults.
EXAMPLE: Final = """horizon_days = 14                  # sales calls within two weeks
horizons_days = [7, 14, 30]
seed = 7
origins = 8                        # more moments of the past, narrower intervals
bands = [0.3, 0.1, 0.03]           # least probabilities of A, B and C
accepted_codes = ["D057"]          # the customer number of renewals is known at creation

[attribute_types]
postcode = "category"              # digits, but no number
"""
_UNITS: Final = {
    "_days": "days",
    "_share": "share, 0 to 1",
    "_rows": "rows",
    "_examples": "examples",
    "_replicates": "draws",
    "_codes": "codes",
    "_per_lead": "rows per lead",
    "_per_bin": "leads",
    "_per_year": "share, 0 to 1",
    "_factor": "factor",
    "_rise": "share, 0 to 1",
    "_missing": "columns",
}
_BOUNDS: Final = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def configuration_page() -> str:
    """Lists every key of the configuration with unit, default, range and reason, as Markdown."""
    fields = TrainingConfig.model_fields
    rows = (_key_row(name, field) for name, field in fields.items() if name != "monitor")
    limits = (_key_row(name, field) for name, field in MonitorLimits.model_fields.items())
    old_keys = ", ".join(f"`{old}`, now `{new}`" for old, new in OLD_KEYS.items())
    head = _HEAD.format(example=EXAMPLE, old_keys=old_keys)
    return "".join([head, _TABLE, *rows, _MONITOR, _TABLE, *limits])


def _key_row(name: str, field: FieldInfo) -> str:
    described = (field.description or "").removeprefix("Days; ")
    reason = f"{described[:1].upper()}{described[1:]}"
    return f"| `{name}` | {_unit(name, field)} | {_default(field)} | {_allowed(field)} | {reason} |\n"


def _unit(name: str, field: FieldInfo) -> str:
    """Finds the unit in which the name of a key ends, else its type."""
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return unit
    for of_type, unit in ((bool, "true or false"), (Path, "file"), (int, "count"), (float, "number")):
        if field.annotation is of_type or of_type in get_args(field.annotation):
            return unit
    return "table" if str(field.annotation).startswith("dict") else "list"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    return "none" if value is None else f"`{_toml(value)}`"


def _allowed(field: FieldInfo) -> str:
    return ", ".join(_bounds(field))


def _bounds(field: FieldInfo) -> Iterator[str]:
    """Lists the limits of a number."""
    for constraint in field.metadata:
        for name, words in _BOUNDS.items():
            bound = getattr(constraint, name, None)
            if bound is not None:
                yield f"{words} {bound:,g}"


def _toml(value: Any) -> str:
    """Writes a default as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, int):
        # TOML, too, allows underscores between thousands.
        return f"{value:_}"
    if isinstance(value, float):
        return f"{value:g}"
    return f'"{value}"' if isinstance(value, str) else str(value)
