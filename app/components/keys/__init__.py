"""Keys that name the galaxy that was seen when they were pressed."""
