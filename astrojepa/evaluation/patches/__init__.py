"""Patch errors: predicted against target tokens, patch by patch."""
