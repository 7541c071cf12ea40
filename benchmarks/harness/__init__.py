"""What every subject shares: rounds that take turns, what they found, the machine, texts and models."""
