"""Versions of the users contract."""
