"""What the hub needs of dbt: contracts from its manifest, audits by its tests, its docs."""
