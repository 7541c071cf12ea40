"""What a model is: JSON-safe fields and their validation."""
