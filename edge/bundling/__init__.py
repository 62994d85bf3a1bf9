"""Brings calls to the core in bundles: many for the price of one (docs/adr/0010).

What it owns: a few long-lived streams to the core (`limen.relay.v1`), and the calls that travel in
them. To whoever makes a call it has the face of a gRPC channel. What cannot go in a bundle goes as
a plain call over the channel beneath: streams, large requests, and everything while no stream is
open. What it does not own: what is called, and what the answers mean.
"""
