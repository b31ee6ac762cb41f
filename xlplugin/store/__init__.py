"""Readers of what advisors really have: exchange and provider files, price tables, client books.

Every reader gives plain dataclasses of tuples and numpy arrays. A file that cannot be read
gets one sentence with its place: file, line or row, column, what was expected, what was found.
Nothing is guessed, averaged or dropped in silence. `SPEC.md` states the rules as clauses.
"""
