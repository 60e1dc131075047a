"""The networks: encoders, predictor, projector, and the JEPA that joins them."""
