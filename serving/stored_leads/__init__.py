"""Leads of the store scored: on request, over their life, kept current, and once more to the bit."""
