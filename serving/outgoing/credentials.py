"""Secrets of other systems: from the environment, or from a file that it names; never from a command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from features.errors import LeadOddsError

# All that `leadodds sync` reads, each also with _FILE at its end.
CREDENTIALS: Final = (
    "LEADODDS_HUBSPOT_KEY",
    "LEADODDS_SALESFORCE_CLIENT_ID",
    "LEADODDS_SALESFORCE_CLIENT_SECRET",
    "LEADODDS_DYNAMICS_TENANT",
    "LEADODDS_DYNAMICS_CLIENT_ID",
    "LEADODDS_DYNAMICS_CLIENT_SECRET",
    "LEADODDS_ODOO_API_KEY",
)


class MissingCredentialError(LeadOddsError):
    """A secret that is nowhere, or in a file that cannot be read."""

    def __init__(self, name: str, *, fault: str = "is not set") -> None:
        super().__init__(f"{name} {fault}. Set it, or {name}_FILE to a file that holds it.")


def credential(name: str) -> str:
    """Reads a secret from the variable of this name, or from the file that NAME_FILE names.

    Raises:
        MissingCredentialError: neither is set, or the file cannot be read.
    """
    if found := os.environ.get(name, "").strip():
        return found
    file = os.environ.get(f"{name}_FILE", "")
    if not file:
        raise MissingCredentialError(name)
    try:
        found = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise MissingCredentialError(name, fault="is in a file that cannot be read") from None
    if not found:
        raise MissingCredentialError(name, fault="is in a file that is empty")
    return found
