"""Transcoding: HTTP with JSON on one side, gRPC on the other, and descriptors in between.

Owns the path from an ASGI request to a gRPC call and back, by the `google.api.http` rules of a
contract it has never seen before: routing, the mapping of path, query and body to a message,
validation before the hop, streams, and the faults it finds on the way.

Does not own credentials, deadlines, cookies, request ids or the wording of errors: it asks a
`frontier` for those. It imports nothing of the program around it.

Follows `google/api/http.proto`, ProtoJSON (https://protobuf.dev/programming-guides/json/),
RFC 8259 (JSON), RFC 9110 (HTTP) and the HTML standard's server-sent events.
"""
