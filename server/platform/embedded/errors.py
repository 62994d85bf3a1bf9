"""What can go wrong with embedded servers."""


class EmbeddedError(Exception):
    """An embedded server cannot be used; the text tells a person why and what to do."""
