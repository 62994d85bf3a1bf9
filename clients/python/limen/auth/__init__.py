"""Versions of the auth contract."""
