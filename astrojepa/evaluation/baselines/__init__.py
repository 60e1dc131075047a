"""Vectors without a trained network: what an encoder is measured against."""
