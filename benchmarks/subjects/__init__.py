"""What is measured, one file a subject; each has `measure`, which yields what it found."""
