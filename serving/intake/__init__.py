"""Leads, interactions and outcomes that are sent to the service, checked and stored exactly once."""
