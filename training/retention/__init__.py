"""What a trained model keeps while it learns something new: old answers as targets, and a guard over scores and drift."""
