"""How owners and consumers are told."""
