"""Versions of the errors contract."""
