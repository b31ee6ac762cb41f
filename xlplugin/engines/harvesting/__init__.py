"""harvesting."""
