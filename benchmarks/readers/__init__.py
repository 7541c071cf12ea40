"""Programs that read a trained model, each tried for real."""
