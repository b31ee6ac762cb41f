"""Sample market and sample clients: invented, deterministic, small."""
