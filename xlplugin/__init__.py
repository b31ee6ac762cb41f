"""Direct indexing in Excel: index weights, harvesting, replacement picks, cost and tracking.

Worksheet functions live in the package `udfs` and are found through the entry-point group
``xlplugin.functions``; this package never imports them.
"""

__version__ = "0.1.0"
