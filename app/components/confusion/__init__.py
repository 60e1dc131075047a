"""A confusion matrix whose cells open galleries."""
