"""LibreOffice's own Python runs uno_vba.py; this one has no `uno`."""

collect_ignore = ["uno_vba.py"]
