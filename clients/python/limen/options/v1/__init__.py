"""Generated from `proto/limen/options/v1`: messages and stubs. Never edited."""
