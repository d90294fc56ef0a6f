"""Prints the table of each history: `python -m tests.benchmarks.peers HISTORY...`."""

from __future__ import annotations

import sys

from tests.benchmarks.peers.comparison import main

main(sys.argv[1:])
