"""The explorer's map in a notebook."""
