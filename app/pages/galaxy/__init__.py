"""Galaxy: one galaxy, its patch errors and all that is known about it."""
