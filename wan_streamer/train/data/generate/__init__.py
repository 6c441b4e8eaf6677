"""Draws conversation scripts without end from a seed, for a domain."""
