"""One core for all tests of a module."""

from tests.server.shared_core import core, shared_core

__all__ = ["core", "shared_core"]
