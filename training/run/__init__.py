"""What a run keeps and survives: checkpoints, interruption, broken numbers, progress."""
