"""Weighting schemes: one module, one SCHEME. Dropping a file in is the registration."""
