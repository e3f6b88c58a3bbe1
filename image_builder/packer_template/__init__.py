"""What a Packer template says, and what is changed in the private copy of it that is built."""
