"""limen for Python: the contract, a client, and what other services need to use it."""
