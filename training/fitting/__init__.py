"""Fits the hazard of the time bins on rows, and turns the ensemble into a scorecard."""
