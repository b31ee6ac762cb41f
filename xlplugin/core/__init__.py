"""Floor 1: the vocabulary every other package speaks. See SPEC.md."""
