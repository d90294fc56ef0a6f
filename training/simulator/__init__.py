"""The made-up company with known true odds."""
