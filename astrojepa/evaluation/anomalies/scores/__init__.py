"""The anomaly scores, registered with `@anomaly_score`: larger = more anomalous in all of them."""
