"""The reference pages of `docs/`, written from the code so that they say what it says."""
