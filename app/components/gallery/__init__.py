"""A grid of galaxies to click on."""
