"""The rules of `buf.validate` in the words of JSON Schema 2020-12.

What JSON Schema can say becomes keywords, the rest becomes sentences for the description. The
keywords never promise more than the rules grant: a value that the schema accepts is accepted by
the rules, as far as both can say it.
"""
