"""Where an image runs: network, load balancer, fleet, rollout and smoke test.

Takes an AMI id and knows nothing of how it was made.
"""
