"""Generated from `proto/limen/audit/v1`: messages and stubs. Never edited."""
