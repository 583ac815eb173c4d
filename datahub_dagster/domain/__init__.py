"""Values and decisions: no I/O, no framework, no clock. `now` is always an argument."""
