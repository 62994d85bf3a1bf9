"""Generated from `proto/limen/apikeys/v1`: messages and stubs. Never edited."""
