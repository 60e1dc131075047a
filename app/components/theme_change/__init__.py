"""Notice of a theme that was changed."""
