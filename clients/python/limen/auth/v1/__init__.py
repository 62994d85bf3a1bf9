"""Generated from `proto/limen/auth/v1`: messages and stubs. Never edited."""
