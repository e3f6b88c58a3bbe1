"""Tests of local_aws.load_balancing."""
