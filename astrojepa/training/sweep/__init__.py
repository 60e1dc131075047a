"""Sweeps: one recipe over several settings and seeds, with one table."""
