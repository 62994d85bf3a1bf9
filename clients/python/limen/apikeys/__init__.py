"""Versions of the apikeys contract."""
