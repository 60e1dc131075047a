"""Galaxy10 DECaLS from its archive, resumed and verified."""
