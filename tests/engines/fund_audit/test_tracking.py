import datetime as dt
import statistics

import pytest

from tests.engines.fund_audit.months import rows, tracked
from xlplugin.engines.fund_audit import Limits, Pair, calendar_years, compare, figures

AS_OF = dt.date(2026, 11, 20)


def pair_of(index, fund, tax=0.2, **columns) -> Pair:
    made = compare(rows(fund, **columns), rows(index), "", AS_OF, tax=tax, limits=Limits())
    assert isinstance(made, Pair)
    return made


def test_figures_agree_with_a_plain_computation():
    index, fund = tracked(70, seed=3)
    paid = {12: 900.0, 24: 700.0, 36: 500.0, 48: 900.0, 60: 800.0}
    done = figures(pair_of(index, fund, distribution=paid))
    gross, net = [1.0], [1.0]
    for k in range(1, 71):
        distribution = paid.get(k, 0.0)
        gross.append(gross[-1] * (fund[k] + distribution) / fund[k - 1])
        net.append(net[-1] * (fund[k] + 0.8 * distribution) / fund[k - 1])
    for n, months in enumerate((12, 36, 60)):
        years = months / 12
        on_index = (index[-1] / index[-1 - months]) ** (1 / years)
        assert done.td[n] == pytest.approx((gross[-1] / gross[-1 - months]) ** (1 / years) - on_index)
        assert done.td_net[n] == pytest.approx((net[-1] / net[-1 - months]) ** (1 / years) - on_index)
    blocks = [net[k] / net[k - 12] - index[k] / index[k - 12] for k in (70, 58, 46, 34, 22)]
    assert done.deviation == pytest.approx(statistics.stdev(blocks))
    assert done.worst_year == pytest.approx(min(blocks))
    active = [gross[k] / gross[k - 1] - index[k] / index[k - 1] for k in range(35, 71)]
    assert done.error == pytest.approx(statistics.stdev(active) * 12**0.5)
    own = [gross[k] / gross[k - 1] - 1 for k in range(35, 71)]
    assert done.volatility == pytest.approx(statistics.stdev(own) * 12**0.5)
    assert done.drawdown == pytest.approx(min(gross[k] / max(gross[: k + 1]) - 1 for k in range(71)))
    assert (done.months, done.end) == (70, dt.date(2026, 10, 31))


def test_windows_without_enough_months_have_no_figure():
    short = figures(pair_of(*tracked(35)))
    assert (short.td[0] is None, short.td[1:], short.status) == (False, (None, None), "OK")
    assert {fault.code for fault in short.faults} == {"SHORT_HISTORY"}
    young = figures(pair_of(*tracked(11)))
    assert (young.td, young.status) == ((None, None, None), "UNKNOWN")
    assert figures(pair_of(*tracked(60))).faults == ()


def test_a_fund_with_a_fatal_fault_has_no_figure_at_all():
    index, fund = tracked(66)
    fund[20] *= 10.0
    done = figures(compare(rows(fund), rows(index), "", AS_OF, tax=0.2, limits=Limits()))
    assert (done.status, done.td, done.td_net, done.error) == ("BLOCKED", (None,) * 3, (None,) * 3, None)


def test_only_complete_calendar_years_are_given():
    index, fund = tracked(40, seed=5)  # from June 2023 to October 2026
    years = calendar_years(pair_of(index, fund))
    assert [year.year for year in years] == [2024, 2025]
    december = {2023: 6, 2024: 18, 2025: 30}
    for year in years:
        a, b = december[year.year - 1], december[year.year]
        assert year.fund == pytest.approx(fund[b] / fund[a] - 1)
        assert year.difference == pytest.approx(fund[b] / fund[a] - index[b] / index[a])


def test_a_fund_that_is_its_index_has_no_difference():
    index, _ = tracked(60)
    done = figures(pair_of(index, index * 7.0))
    assert done.td == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    assert done.error == pytest.approx(0.0, abs=1e-12)
