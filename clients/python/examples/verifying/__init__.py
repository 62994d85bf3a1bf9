"""Services that verify limen's tokens themselves: one for gRPC, one for ASGI, one for FastAPI."""
