"""Generated from `proto/limen/users/v1`: messages and stubs. Never edited."""
