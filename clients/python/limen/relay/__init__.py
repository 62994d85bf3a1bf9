"""Versions of the relay contract."""
