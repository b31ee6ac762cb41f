"""rebalancing."""
