"""Turns the layout (TOML) into workbooks: words, formulas, formats, sheets, charts, package."""
