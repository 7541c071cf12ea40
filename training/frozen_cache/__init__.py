"""What frozen layers make of a text is computed once: where it is constant, how it is kept, how it is served."""
