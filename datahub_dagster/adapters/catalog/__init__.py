"""How the query engine finds the published data."""
