"""What a model has learned, measured: vectors, probes, anomalies, maps, patch errors, reports."""
