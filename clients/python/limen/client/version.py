"""The version of the client, as it tells servers in its user agent."""

VERSION = "0.1.0"
