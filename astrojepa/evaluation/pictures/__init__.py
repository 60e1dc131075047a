"""What a picture shows without any model: artefacts, brightness, noise, stars."""
