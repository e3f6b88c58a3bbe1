"""Where an image may go: gates between stacks, revocation, copies for other regions and accounts."""
