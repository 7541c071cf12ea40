"""How a model learns: recipes, data, sampling, parameter groups, freezing, metrics, Trainer."""
