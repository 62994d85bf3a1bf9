"""The edge: a REST process in front of the core. Knows the contract, never the core."""
