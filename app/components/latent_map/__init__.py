"""The latent map: a canvas of all galaxies, with its palette, geometry and colouring."""
