"""Why a stored hash cannot be verified."""


class MalformedHashError(ValueError):
    """A hash has no known form, is damaged, or costs more than this process may spend."""


class CostlyHashError(MalformedHashError):
    """A hash asks for more memory or time than allowed."""
