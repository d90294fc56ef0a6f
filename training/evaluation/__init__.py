"""Figures with intervals, from predictions and what was observed."""
