"""What this project costs, as ratios to the plainest way of doing the same, from one run on one machine."""
