"""Readers of data sets, one file per format, found by `readers.registry`."""
