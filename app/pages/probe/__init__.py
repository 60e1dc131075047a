"""Probe lab: probes trained on the fly, beside baselines."""
