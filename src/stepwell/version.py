"""The version of this package, without the cost of reading its metadata (a test holds it to pyproject.toml)."""

VERSION = "0.1.0"
