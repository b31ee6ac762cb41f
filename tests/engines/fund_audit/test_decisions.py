from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.cost.decisions import switch_decision
from xlplugin.cost.funds import rank_funds
from xlplugin.engines.fund_audit import Candidate, Terms, append, changes, control_sum, decide
from xlplugin.engines.fund_audit.records import NUMBERS
from xlplugin.errors import InputError

differences = st.lists(st.floats(-0.02, 0.01).map(lambda v: round(v, 5)), min_size=4, max_size=9)


def funds(tds, before=None, **own) -> list[Candidate]:
    ranks = rank_funds(np.array(before)) if before is not None else [None] * len(tds)
    made = [
        Candidate(f"F{k}", "equity|0", td, quartile_before=rank.quartile if rank else None)
        for k, (td, rank) in enumerate(zip(tds, ranks, strict=True))
    ]
    return [replace(made[0], **own), *made[1:]]


@settings(deadline=None, max_examples=200)
@given(data=st.data(), cost=st.floats(0, 0.01), gain=st.floats(-0.5, 0.9), deferral=st.floats(0, 1))
def test_the_rule_agrees_with_the_one_for_a_single_fund(data, cost, gain, deferral):
    now = data.draw(differences)
    before = data.draw(st.lists(st.floats(-0.02, 0.01), min_size=len(now), max_size=len(now)))
    single = switch_decision(
        np.array([before[0], now[0]]),
        np.array([before[1:], now[1:]]),
        switch_cost=cost,
        unrealised_gain=gain,
        deferral=deferral,
    )
    verdict = decide(funds(now, before, exit_cost=cost, gain=gain), Terms(deferral=deferral))[0]
    assert verdict.decision is single.decision
    assert verdict.quartile == single.quartile
    assert verdict.saving == pytest.approx(single.saving)
    assert verdict.one_off == pytest.approx(single.one_off)
    assert verdict.breakeven_years == pytest.approx(single.breakeven_years)


def test_without_four_peers_there_is_no_decision():
    verdicts = decide(funds([-0.004, -0.002, -0.001]), Terms())
    assert {v.decision for v in verdicts} == {None}
    assert [v.rank for v in verdicts] == [3, 2, 1]
    assert {v.reasons for v in verdicts} == {("FEW_PEERS",)}


def test_funds_of_another_group_are_no_peers():
    mixed = [replace(one, group=f"g{k % 2}") for k, one in enumerate(funds([-0.004, -0.003, -0.002, -0.001]))]
    assert [v.peers for v in decide(mixed, Terms())] == [2, 2, 2, 2]


def test_in_nisa_a_small_saving_is_no_reason_to_switch():
    tds, before = [-0.0030, -0.0021, -0.0022, -0.0023], [-0.004, -0.001, -0.002, -0.003]
    taxed = decide(funds(tds, before), Terms())[0]
    assert (taxed.decision.value, round(taxed.saving, 6)) == ("REPLACE", 0.0009)
    nisa = decide(funds(tds, before, nisa=True, gain=0.5), Terms())[0]
    assert (nisa.decision.value, nisa.one_off) == ("STOP_BUYING", 0.0)
    assert nisa.reasons == ("NISA_QUOTA", "WORST_TWICE")
    more = decide(funds([-0.0031, *tds[1:]], before, nisa=True), Terms())[0]
    assert more.decision.value == "REPLACE"  # exactly ten basis points


def test_the_best_peer_pays_its_own_way_in():
    peers = funds([-0.004, -0.001, -0.002, -0.003], [-0.004, -0.001, -0.002, -0.003], exit_cost=0.001)
    peers[1] = replace(peers[1], entry_cost=0.0005)
    verdict = decide(peers, Terms())[0]
    assert (verdict.best, verdict.one_off) == ("F1", pytest.approx(0.0015))
    assert verdict.breakeven_years == pytest.approx(0.5)


def test_a_candidate_is_ranked_and_not_judged():
    verdict = decide(funds([-0.009, -0.001, -0.002, -0.003], held=False), Terms())[0]
    assert (verdict.rank, verdict.quartile, verdict.decision) == (4, 4, None)
    assert verdict.reasons == ("CANDIDATE",)


def test_a_fund_without_a_figure_is_compared_with_nobody():
    made = funds([-0.001, -0.002, -0.003, -0.004, -0.005])
    made[4] = replace(made[4], td=None)
    verdicts = decide(made, Terms())
    assert (verdicts[4].reasons, verdicts[4].decision) == (("NO_TD",), None)
    assert [v.peers for v in verdicts] == [4] * 5


def test_a_fund_that_improves_in_the_better_half_is_said_to():
    own = {"deviation": 0.001, "deviation_before": 0.002, "spread": 0.0005, "spread_before": 0.0005}
    tds = [-0.001, -0.002, -0.003, -0.004]
    assert decide(funds(tds, **own), Terms())[0].reasons == ("IMPROVING",)
    assert decide(funds(tds, **own | {"deviation": 0.003}), Terms())[0].reasons == ()
    assert decide(funds(tds, **own | {"spread": 0.0006}), Terms())[0].reasons == ()


TRAPS = [
    ({"ter": 0.0005}, "LOW_FEE_POOR_RESULT"),
    ({"distribution": 0.031}, "HIGH_DISTRIBUTION"),
    ({"hedged": True, "hedge_reason": False}, "HEDGE_NO_REASON"),
    ({"etf": True}, "DEPTH_UNSEEN"),
    ({"etf": True, "spread": 0.0021}, "DEPTH_UNSEEN"),
    ({"assets": 2.9e9}, "SMALL_FUND"),
]
SOUND = {"ter": 0.002, "distribution": 0.03, "hedged": True, "etf": True, "spread": 0.002, "assets": 3e9}


@pytest.mark.parametrize(("change", "code"), TRAPS, ids=[f"{code}-{k}" for k, (_, code) in enumerate(TRAPS)])
def test_each_trap_is_flagged_on_its_own(change, code):
    tds = [-0.0035, -0.001, -0.002, -0.004]
    peers = [replace(one, ter=0.001) for one in funds(tds)]
    peers[0] = replace(peers[0], **SOUND)
    assert decide(peers, Terms())[0].traps == ()
    peers[0] = replace(funds(tds)[0], **({"ter": 0.002} | change))
    trapped = decide(peers, Terms())[0]
    assert trapped.traps == (code,)
    assert trapped.decision is decide(funds(tds), Terms())[0].decision


def test_foreign_debts_make_every_hedge_a_question():
    own = funds([-0.001], hedged=True)
    assert decide(own, Terms(foreign_debt=True))[0].traps == ("HEDGE_NO_REASON",)


# -- the record ----------------------------------------------------------------------------------------


def record(year: int, code: str, **more):
    return {"audit_year": year, "fund_code": code, "ter": 0.001, "decision": "KEEP"} | more


def test_the_record_is_only_appended():
    old = [record(2025, "A"), record(2025, "B")]
    new = [record(2026, "A")]
    assert append(old, new) == [*old, *new]
    with pytest.raises(InputError, match="A is on record for 2026 already"):
        append([*old, *new], [record(2026, "A", ter=0.002)])
    with pytest.raises(InputError, match="record goes to 2025, this audit is for 2024"):
        append(old, [record(2024, "A")])


def test_changes_name_every_field_that_differs():
    before = [record(2025, "A", td_one_net=None), record(2025, "GONE")]
    now = [
        record(2026, "A", ter=0.0012, td_one_net=-0.002, decision="WATCH", real_cost=None),
        record(2026, "NEW"),
    ]
    assert [tuple(c) for c in changes(before, now)] == [
        ("A", "decision", "KEEP", "WATCH"),
        ("A", "ter", 0.0010, 0.0012),
        ("A", "td_one_net", None, -0.002),
        ("NEW", "fund_code", None, "NEW"),
        ("GONE", "fund_code", "GONE", None),
    ]
    assert changes(before[:1], [record(2026, "A", ter=0.0010000001)]) == []


@given(st.sampled_from(NUMBERS), st.floats(0.0001, 1.0))
def test_the_control_sum_moves_with_every_figure(key, by):
    row = record(2026, "A")
    moved = row | {key: row.get(key, 0.0) + by}
    assert abs(control_sum(moved) - control_sum(row)) > 1e-4
    assert control_sum(row | {"audit_year": 2025}) != control_sum(row)
