"""What prepares a machine for this project and runs it on a local AWS: set-up, language host, local stack."""
