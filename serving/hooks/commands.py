"""The commands of `leadodds hooks`, on the database that the server uses, whether it runs or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.hooks.mapping import replay
from serving.hooks.setup import HookSetup
from serving.intake.hook_bodies import count_bodies, list_unmapped
from serving.settings import read_settings
from serving.store.store import store_of_command


def list_hooks(*, home: Path, limit: int) -> dict[str, Any]:
    """Counts the stored bodies by CRM, and lists the newest that could not be mapped.

    Raises:
        LeadOddsError: the database cannot be used.
    """
    with store_of_command(read_settings(home=home)) as store:
        return {
            "counts": store.read(count_bodies),
            "unmapped": store.read(lambda connection: list_unmapped(connection, limit=limit)),
        }


def replay_hooks(*, home: Path, now: int, crm: str | None = None) -> dict[str, int]:
    """Maps the bodies in quarantine once more, by the maps as they are now.

    Raises:
        LeadOddsError: `hooks.toml`, a map or the database cannot be used.
    """
    settings = read_settings(home=home)
    setup = HookSetup(settings.hooks_path)
    with store_of_command(settings) as store:
        return replay(store, setup.map_of, now=now, crm=crm)


def text_of_list(listed: Mapping[str, Any]) -> str:
    """Writes counts and bodies for people."""
    counts = [
        f"{crm}: {', '.join(f'{count} {status}' for status, count in by_status.items())}"
        for crm, by_status in listed["counts"].items()
    ]
    lines = [f"{item['received_at']}  {item['crm']}  {item['reason']}" for item in listed["unmapped"]]
    return "\n".join([*counts, *lines]) or "No hook came yet."
