"""What learns, when, and how fast: parameter groups, depth, freezing."""
