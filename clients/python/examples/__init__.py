"""Small programs that use limen. Not part of the package."""
