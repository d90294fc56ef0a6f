"""Delivers events of one library: python send.py LIBRARY HOST KEY COUNT SECONDS; prints how many failed."""

from __future__ import annotations

import importlib
import sys
import time

_MODULES = {"segment": "segment.analytics.client", "rudderstack": "rudderstack.analytics.client"}


def main(library: str, host: str, key: str, count: int, seconds: float) -> None:
    """Says who a lead is and what it did, evenly over some seconds."""
    failed: list[object] = []
    client = importlib.import_module(_MODULES[library]).Client(
        key, host=host, on_error=lambda _, batch: failed.extend(batch)
    )
    user_id = f"python {library}"
    client.identify(user_id, {"plan": "pro", "seats": 7})
    client.group(user_id, "A-1", {"industry": "steel"})
    for number in range(count):
        assert client.track(user_id, "Demo Requested", {"number": number})[0], "the queue is full"
        time.sleep(seconds / count)
    client.shutdown()
    sys.stdout.write(str(len(failed)))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), float(sys.argv[5]))
