"""The Copy link control."""
