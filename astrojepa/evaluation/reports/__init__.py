"""Measurements gathered: benchmarks, reports, the zoo's table, hosted bundles."""
