"""The demonstration: open data, delivered as several teams would deliver it."""
