"""What the checkout on this computer says: its commits, its stacks' config, its families."""
