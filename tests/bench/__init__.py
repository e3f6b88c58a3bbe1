"""The bench: what it makes of what it measured."""
