"""`python -m leadodds` is the command `leadodds`."""

from __future__ import annotations

from leadodds import main

if __name__ == "__main__":
    main()
