"""Two- and three-dimensional maps of vectors, and how far to trust them."""
