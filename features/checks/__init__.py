"""Reads and checks a history: can it be used, and would it mislead a model?"""
