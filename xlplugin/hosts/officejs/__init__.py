"""officejs."""
