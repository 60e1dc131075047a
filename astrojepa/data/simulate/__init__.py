"""The galaxy simulator: labelled images with known physics, always marked as simulated."""
