"""One transformers encoder, one sentence embedding, any number of named task heads, in one checkpoint."""

__version__ = "0.1.0"
