"""The patch panel: a galaxy's image, the values of its patches, and masks drawn by hand."""
