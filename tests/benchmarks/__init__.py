"""Figures of speed, memory and of what each part of the method contributes: printed, never asserted."""
