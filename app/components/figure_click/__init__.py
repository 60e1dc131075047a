"""Clicks in a three-dimensional Plotly figure."""
