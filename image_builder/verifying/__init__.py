"""A new image is booted once, on a throwaway machine, before it counts."""
