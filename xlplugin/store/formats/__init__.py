"""The kinds of market file that are recognised, one `FORMAT` per file of this folder."""
