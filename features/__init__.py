"""Leads and what is known of them: the history, checked once, and the declared features computed from it."""
