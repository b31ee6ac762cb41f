"""Indices: weighting, selection, capping, events, levels, tilts, reviews and dated rule cards.

Rules and sources: SPEC.md in this folder. Weights and factors are fractions, levels are points.
"""
