"""Floor 4: worksheet functions described once, and cells turned into values once, for every host."""
