"""Generated from `proto/limen/factors/v1`: messages and stubs. Never edited."""
