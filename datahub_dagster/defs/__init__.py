"""Thin Dagster glue: assets, checks, jobs, sensors. Decisions stand elsewhere."""
