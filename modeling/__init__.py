"""What a model computes: pooling, heads, losses, outputs, encode, predict, saving and loading."""
