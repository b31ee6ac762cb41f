"""Golden vector files: which schema a file has, and its cases as pytest parameters.

Four schemas are known by their contents, never by the file's name: worksheet calls
(methodology), tax cases by kind, wash-sale cases by kind, and spreadsheet formulas. A file of
dated tables is compared with the tables of the package.
"""

import json
from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """One vector and the file it came from."""

    schema: str
    kind: str
    vector: dict
    document: dict


def schema_of(document: dict) -> str | None:
    """The schema of a parsed file, or None when it holds no vectors."""
    if not isinstance(document, dict):
        return None
    if "tables" in document:
        return "tables"
    if "stubs" in document:
        return "formulas"
    if "cases" in document:
        return "cases"
    first = next(iter(document.get("vectors", [])), {})
    if "function" in first:
        return "calls"
    return "kinds" if "kind" in first else None


def read(folder: Path) -> list[Case]:
    """Every case of every vector file in `folder`, in the order of file names."""
    cases = []
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        schema = schema_of(document)
        if schema is None:
            raise ValueError(f"{path}: not a vector file of a known schema")
        if schema == "tables":
            vectors = [
                {"id": f"table-{name}", **table, "name": name} for name, table in document["tables"].items()
            ]
            cases += [Case(schema, "table", vector, document) for vector in vectors]
            continue
        for vector in document.get("cases") or document.get("vectors"):
            kind = vector.get("function") or vector.get("kind") or vector.get("group")
            cases.append(Case(schema, kind, vector, document))
    return cases
