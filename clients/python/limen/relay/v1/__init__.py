"""Generated from `proto/limen/relay/v1`: messages and stubs. Never edited."""
