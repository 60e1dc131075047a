"""The line above the map, and the tour of a first visit."""
