"""Run in a process of its own: golden calls through xlwings' own COM pipeline.

Reads a JSON list of [function, arguments] from standard input, writes a JSON list of answers.
"""

import datetime as dt
import json
import sys

from tests.hosts.pywin32_stand_ins import OMITTED, install

COM_ERRORS = {
    "#NULL!": -2146826288,
    "#DIV/0!": -2146826281,
    "#VALUE!": -2146826273,
    "#REF!": -2146826265,
    "#NAME?": -2146826259,
    "#NUM!": -2146826252,
    "#N/A": -2146826246,
}


def com_cell(value):
    """A JSON value as COM would hand it over: errors as codes, dates as datetimes, None for empty."""
    if isinstance(value, dict):
        if "error" in value:
            return COM_ERRORS[value["error"]]
        day = dt.date.fromisoformat(value["date"])
        return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def com_argument(value):
    if value == "omitted":
        return OMITTED
    if not isinstance(value, list):
        return com_cell(value)
    rows = [row if isinstance(row, list) else [row] for row in value]
    return tuple(tuple(com_cell(cell) for cell in row) for row in rows)


def plain(value):
    if isinstance(value, dt.datetime):
        return {"date": value.date().isoformat()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def main():
    _, com_udfs = install()
    answers = []
    for name, arguments in json.load(sys.stdin):
        given = tuple(com_argument(a) for a in arguments)
        answers.append(plain(com_udfs.call_udf("xlplugin.hosts.excel.functions", name, given)))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
