"""Leads at moments of the past, and what became of them."""
