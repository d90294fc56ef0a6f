"""Prints how long features take: `python -m tests.benchmarks`."""

from __future__ import annotations

from tests.benchmarks.engine_speed import print_engine_speed

if __name__ == "__main__":
    print_engine_speed()
