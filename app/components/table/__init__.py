"""A table that becomes cards where it does not fit."""
