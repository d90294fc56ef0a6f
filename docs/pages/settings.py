"""The settings of a server, as a section of the page of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from docs.pages.tables import code, table
from serving.settings import ServerSettings

_HEAD: Final = """
## Server

`leadodds serve` takes host, port, model and workers from its options, and these settings from the
environment. Every command reads `LEADODDS_HOME`, the folder that holds all state (`models/store` by default),
and `MLFLOW_TRACKING_URI`, if the registry is elsewhere; [the names in MLflow](data-scientist.md#mlflow) are
taken from the environment, too. `leadodds keys` and `leadodds replay` also read
`LEADODDS_DATABASE`. `SPARK_MASTER`, or Spark's own configuration, names the cluster.

"""
# These come from the options of the command.
_OPTIONS: Final = frozenset({"home", "host", "port", "model", "workers"})


def settings_section() -> str:
    """Lists every setting with its default, as Markdown."""
    return _HEAD + table(["variable", "default", "meaning"], _rows())


def _rows() -> Iterator[tuple[str, str, str]]:
    words = dict(re.findall(r"^\s+(\w+): (.*)$", ServerSettings.__doc__ or "", flags=re.MULTILINE))
    prefix = ServerSettings.model_config["env_prefix"]
    for name, field in ServerSettings.model_fields.items():
        if name in _OPTIONS:
            continue
        default = "none" if field.default in (None, ()) else code(str(field.default).lower())
        said = words[name]
        yield code(f"{prefix}{name.upper()}"), default, f"{said[:1].upper()}{said[1:]}"
