"""A whole AWS account for one machine: see README.md in this folder."""
