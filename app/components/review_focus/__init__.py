"""Arrow keys for reviewing."""
