"""`python -m serving` is `leadodds serve`."""

from __future__ import annotations

import sys

import leadodds

if __name__ == "__main__":
    leadodds.main(["serve", *sys.argv[1:]])
