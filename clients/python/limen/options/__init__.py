"""Versions of the options contract."""
