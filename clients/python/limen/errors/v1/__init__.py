"""Generated from `proto/limen/errors/v1`: messages and stubs. Never edited."""
