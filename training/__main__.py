"""`python -m training HISTORY ...` is the call `leadodds train HISTORY ...`."""

from __future__ import annotations

import sys

from leadodds import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
