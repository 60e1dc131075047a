"""Pretraining: batches in, a run folder out."""
