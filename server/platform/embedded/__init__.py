"""A real PostgreSQL and a real Valkey out of wheels, for runs that name no server of their own.

They keep their data in limen's data directory, listen on Unix sockets that only their owner can
reach, and end with the process that started them. Everything here works the same for an ordinary
user and for root. Only `limen up` and the tests start them: the core, the worker and the edge
know servers by URL alone.
"""
