"""Benchmarks: measured, never asserted. See ``./dev bench``."""
