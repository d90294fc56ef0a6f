"""Scores of stored leads: on request, over their life, kept current, and replayed to the bit."""
