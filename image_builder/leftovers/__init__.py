"""What builds of dead runs left in AWS: found by its tags, and removed."""
