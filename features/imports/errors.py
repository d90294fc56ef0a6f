"""Errors of an import."""

from __future__ import annotations

from features.errors import LeadOddsError


class ImportSourceError(LeadOddsError):
    """A source that cannot be read as the map says."""

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"{fault}. {remedy}")


class ImportValueError(LeadOddsError):
    """A value of a map that does not fit the source."""

    def __init__(self, block: str, key: str, fault: str) -> None:
        super().__init__(f"The map cannot be used: {block}, {key}: {fault}.")
