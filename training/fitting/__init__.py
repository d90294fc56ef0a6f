"""Rows of the hazard to a scorecard."""
