"""A whole image with a scale bar and the model's crop outlined."""
