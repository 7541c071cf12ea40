"""Studies: variants of a recipe, trained over several seeds and sizes, and what can be said about them."""
