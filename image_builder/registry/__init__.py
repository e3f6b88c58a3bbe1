"""The images of an account and what runs them, as AWS tells it: its tags are the only registry."""
