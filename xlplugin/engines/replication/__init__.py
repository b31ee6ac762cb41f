"""Copying an index: in full, by cells or by optimisation; into lots; with futures; and the trades.

Every method is a file in the folder `methods`; see `request.Method`.
"""
