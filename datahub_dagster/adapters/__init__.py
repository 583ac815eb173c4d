"""How bytes, queries and messages travel: one implementation of a port a module."""
