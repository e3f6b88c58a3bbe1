"""Which images nothing needs any more, and how they go."""
