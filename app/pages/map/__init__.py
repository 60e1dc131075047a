"""Map: every galaxy where the model puts it."""
