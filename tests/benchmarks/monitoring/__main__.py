"""Prints what the monitor sees: `python -m tests.benchmarks.monitoring`."""

from __future__ import annotations

import sys

from tests.benchmarks.monitoring.detection import main

if __name__ == "__main__":
    main(sys.argv[1:])
