"""About: how to read the explorer, its limits, credits."""
