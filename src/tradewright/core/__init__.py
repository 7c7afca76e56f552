"""Vocabulary and protocols: no I/O, no clock, no framework."""
