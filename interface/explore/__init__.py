"""The page of `polyhead explore`: a map of embeddings, coloured by answers."""
