"""Declarations and rows to numbers: the one engine that computes features."""
