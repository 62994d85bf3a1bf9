"""The REST API in the words of its readers: an OpenAPI 3.1 document and a page that shows it.

Everything is derived from the descriptors of the contract and their comments: routes from
`google.api.http`, limits from `buf.validate`, access from `limen.options.v1.policy`, reasons for
refusal from `limen.errors.v1.ErrorReason`. Nothing is written twice, so nothing can disagree.

Owns no route and reads no configuration: `document.build` takes the contract as bytes and returns
the document, `reference.page` takes the document and returns HTML. Follows the OpenAPI
Specification 3.1.1, JSON Schema 2020-12, ProtoJSON and RFC 9457.
"""
