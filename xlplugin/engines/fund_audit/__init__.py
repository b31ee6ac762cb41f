"""The yearly cost audit of funds: checked series, tracking, decisions, the record of past audits.

`SPEC.md` states the rules. Signs: TD = fund - index, a cost is positive.
"""

from xlplugin.engines.fund_audit.decisions import Candidate, Terms, Verdict, decide
from xlplugin.engines.fund_audit.records import Change, append, changes, control_sum
from xlplugin.engines.fund_audit.series import Fault, Limits, Observation, Pair
from xlplugin.engines.fund_audit.tracking import FundTracking, calendar_years, compare, figures

__all__ = [
    "Candidate",
    "Change",
    "Fault",
    "FundTracking",
    "Limits",
    "Observation",
    "Pair",
    "Terms",
    "Verdict",
    "append",
    "calendar_years",
    "changes",
    "compare",
    "control_sum",
    "decide",
    "figures",
]
