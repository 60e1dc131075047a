"""Readers of galaxy images, one file per format."""
