"""Simpler and freer models that the scorecard is compared with."""
