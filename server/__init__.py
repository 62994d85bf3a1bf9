"""The core: a gRPC process that owns users, authentication and the audit log."""
