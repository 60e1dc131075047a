"""Pieces of a page that several views share."""
