"""Versions of the factors contract."""
