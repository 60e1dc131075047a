"""Anomalies: the leaderboard, reviewing, and how good the ranking is."""
