"""The encoders, one file per kind, found by name through `encoders.registry`."""
