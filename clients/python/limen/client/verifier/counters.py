"""What a verifier has done so far, for the metrics of its service."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Numbers since the start; they only grow. Read them whenever metrics are collected."""

    known: int = 0
    """Credentials that had been verified before."""
    verified: int = 0
    """Signatures found good at first sight."""
    refused: int = 0
    """Credentials that were not accepted."""
    introspections: int = 0
    """Questions put to limen about one credential."""
    stale: int = 0
    """Calls that came while limen had not been heard for too long."""
    revocations: int = 0
    """Revocations heard, repetitions included."""
    key_reads: int = 0
    """How often the keys were asked for."""
    streams: int = 0
    """How often the stream of revocations was opened."""
