"""Models & data: checkpoints, data sets, uploaded images."""
