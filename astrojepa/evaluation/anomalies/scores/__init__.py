"""The anomaly scores, registered with `@anomaly_score`: larger = stranger in all of them."""
