"""A service that lets limen decide whom it talks to: three short files and a contract."""
