"""Scores into the fields of a CRM: what changed, in the batches and by the rules of each vendor."""
