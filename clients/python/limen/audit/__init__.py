"""Versions of the audit contract."""
