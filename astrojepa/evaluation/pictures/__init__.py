"""What an image shows without any model: artefacts, brightness, noise, stars."""
