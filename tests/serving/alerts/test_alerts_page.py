"""The page about alerts: its table is read, and its receiver takes what is sent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from serving.alerts.config import read_alerts_config, variables_of
from serving.alerts.events import TYPES
from serving.alerts.signing import read_secrets, signed_headers
from tests.support.crm.hook_receiver import SECRET
from tests.support.documents import PAGES, blocks

PAGE = "docs/alerts.md"


def test_page__shows_a_table_that_is_read(tmp_path: Path) -> None:
    (block,) = blocks(PAGE, "toml")
    path = tmp_path / "leadodds.toml"
    path.write_text(block)

    config = read_alerts_config(path)

    assert config is not None
    assert {name: hook.form for name, hook in config.hooks.items()} == {
        "sales": "slack",
        "data": "teams",
        "crm": "json",
    }
    assert {*variables_of("crm")} <= {*PAGES[PAGE].replace("`", " ").replace(",", " ").split()}
    assert all(f"`{kind}` | `{type_}`" in PAGES[PAGE] for kind, type_ in TYPES.items())


def test_page__verifies_a_message_and_refuses_others() -> None:
    (block,) = blocks(PAGE, "python")
    there: dict[str, Any] = {}
    exec(block, there)
    is_genuine = there["is_genuine"]
    body, now = b'{"type":"test"}', int(time.time())
    headers = signed_headers("alert_1", body, seconds=now, secrets=read_secrets(f"whsec_{'A' * 32} {SECRET}"))

    assert is_genuine(headers, body, SECRET)
    assert not is_genuine(headers, body + b" ", SECRET)
    assert not is_genuine({**headers, "webhook-id": "alert_2"}, body, SECRET)
    assert not is_genuine(headers, body, f"whsec_{'B' * 32}")
    old = signed_headers("alert_1", body, seconds=now - 400, secrets=read_secrets(SECRET))
    assert not is_genuine(old, body, SECRET)
