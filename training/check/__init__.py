"""What the data hold, before anything is learned from them: labels, lengths, repeats, overlap."""
