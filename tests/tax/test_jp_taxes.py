"""Withholding, returns, carried losses, dividends, NISA, minimum tax, transfers: figures and properties."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlplugin.core.accounts import AccountKind
from xlplugin.errors import DomainError, EmptyBaseError, NoTableError, WordError
from xlplugin.tax import dividends, nisa, transfers, withholding
from xlplugin.tax.carryforward import use_losses
from xlplugin.tax.minimum_tax import break_even, minimum_tax
from xlplugin.tax.rounding import as_decimal, at_stage, refundable

DAY = dt.date(2026, 6, 30)
yen = st.integers(0, 10**10)


# -- rates and rounding --------------------------------------------------------------------------


def test_a_flat_rate_would_be_a_yen_too_high():
    # JP-W-002: 123,457 x 20.315 % floors to 25,080; the law cuts twice and gives 25,079.
    assert withholding.withheld(123_457, DAY).total == 25_079
    assert int(123_457 * Decimal("0.20315")) == 25_080


@given(yen)
def test_the_total_withheld_is_the_same_before_and_after_2027(amount):
    assert withholding.withheld(amount, dt.date(2026, 12, 31)) == withholding.withheld(
        amount, dt.date(2027, 1, 1)
    )


@given(yen)
def test_the_parts_for_display_fall_short_of_the_sum_payable_by_at_most_two_yen(amount):
    day = dt.date(2027, 6, 1)
    parts = sum(withholding.components(amount, day).values())
    assert 0 <= withholding.withheld(amount, day).national - parts <= 2


@given(yen)
def test_withholding_is_the_two_floors_of_whole_numbers(amount):
    taken = withholding.withheld(amount, DAY)
    assert taken == (amount * 15315 // 100_000, amount * 5 // 100)


@given(st.lists(st.integers(-(10**7), 10**7), max_size=10))
def test_the_flows_of_an_account_add_up_to_the_tax_of_its_year_but_for_a_yen_each(gains):
    flows = withholding.sequence((DAY, Decimal(g)) for g in gains)
    due = withholding.withheld(max(0, sum(gains)), DAY)
    for taken, end in (
        (sum(f.national for f in flows), due.national),
        (sum(f.resident for f in flows), due.resident),
    ):
        assert abs(taken - end) <= max(1, len(gains))


def test_the_year_to_date_starts_anew_in_january():
    days = dt.date(2026, 12, 30), dt.date(2027, 1, 4)
    flows = withholding.sequence([(days[0], -100_000), (days[1], 100_000)])
    assert [int(f.national) for f in flows] == [0, 15_315]


def test_results_out_of_order_are_refused():
    with pytest.raises(DomainError, match="order of settlement"):
        withholding.sequence([(DAY, 1), (DAY - dt.timedelta(days=1), 1)])


def test_a_refund_below_a_yen_counts_as_one():
    # 国税通則法120条
    assert [refundable(Fraction(n, 10), DAY) for n in (0, 1, 9, 10, 19)] == [0, 1, 1, 1, 1]


def test_each_class_on_a_return_is_cut_to_a_thousand_yen_by_itself():
    both = withholding.filed_tax([Decimal(1999), Decimal(1999)], 2026)
    assert both.base == 2000
    assert withholding.filed_tax([Decimal(3998)], 2026).base == 3000


def test_a_designated_city_moves_the_split_not_the_sum():
    tax = withholding.filed_tax([Decimal(1_000_000)], 2026, city=Decimal("0.04"), prefecture=Decimal("0.01"))
    assert (tax.resident_city, tax.resident_prefecture) == (40_000, 10_000)


def test_a_negative_income_is_refused():
    with pytest.raises(DomainError, match="netted or carried"):
        withholding.filed_tax([Decimal(-1)], 2026)


def test_a_year_without_a_rule_is_an_error():
    for call in (
        lambda: withholding.withheld(1, dt.date(2013, 1, 1)),
        lambda: minimum_tax(Decimal(1), Decimal(0), 2024),
    ):
        with pytest.raises(NoTableError):
            call()


@pytest.mark.parametrize(
    "stage", ["unit_cost", "withholding_national", "filing_base", "filing_national_payable"]
)
@given(st.fractions(0, 10**9))
def test_a_stage_gives_whole_units_within_one_unit(stage, amount):
    unit = {"filing_base": 1000, "filing_national_payable": 100}.get(stage, 1)
    done = at_stage(stage, amount, DAY)
    assert done % unit == 0
    cut_off = Fraction(done) - amount if stage == "unit_cost" else amount - Fraction(done)
    assert 0 <= cut_off < unit


@given(st.fractions(-(10**6), 10**6))
def test_the_way_out_of_the_exact_world_is_exact_or_six_places(amount):
    assert abs(Fraction(as_decimal(amount)) - amount) <= Fraction(1, 2 * 10**6)


# -- carried losses ------------------------------------------------------------------------------


def test_the_published_chain_uses_a_loss_over_three_years():
    # 1,000,000 in 2023; gains 400,000, 300,000, 700,000: 400,000 is taxed in 2026.
    carry, taxed = {2023: Decimal(1_000_000)}, []
    for year, gain in ((2024, 400_000), (2025, 300_000), (2026, 700_000)):
        done = use_losses(carry, year, Decimal(gain))
        taxed.append(done.taxable_gain)
        carry = done.carry_out
    assert taxed == [0, 0, 400_000]
    assert carry == {}


amounts = st.integers(0, 10**6).map(Decimal)
carries = st.dictionaries(st.sampled_from([2021, 2022, 2023, 2024, 2025]), amounts)


@given(carries, st.integers(-(10**6), 10**6).map(Decimal), amounts)
def test_every_yen_of_a_loss_is_used_expired_or_carried(carry, gain, paid):
    done = use_losses(carry, 2026, gain, paid)
    for row in done.rows:
        new = max(Decimal(0), -gain) - done.dividends_against_loss if row.origin_year == 2026 else 0
        assert row.opening + new == row.used_gain + row.used_dividend + row.expired + row.closing
    used = sum(r.used_gain for r in done.rows)
    assert done.taxable_gain == max(Decimal(0), gain) - used
    assert done.taxable_dividends == paid - done.dividends_against_loss - sum(
        r.used_dividend for r in done.rows
    )
    assert min(done.taxable_gain, done.taxable_dividends, *[r.closing for r in done.rows], Decimal(0)) == 0


@given(carries, amounts, amounts)
def test_all_years_through_gains_first_gives_the_same_taxable_amounts(carry, gain, paid):
    """The other wording of the order: every year against gains, then every year against dividends."""
    left, gains, divs = {y: a for y, a in carry.items() if y >= 2023}, gain, paid
    for year in sorted(left):
        used = min(left[year], gains)
        left[year], gains = left[year] - used, gains - used
    for year in sorted(left):
        used = min(left[year], divs)
        left[year], divs = left[year] - used, divs - used
    done = use_losses(carry, 2026, gain, paid)
    assert (done.taxable_gain, done.taxable_dividends) == (gains, divs)
    assert done.carry_out == {y: a for y, a in left.items() if a and y > 2023}


def test_only_a_gap_after_the_loss_breaks_the_chain():
    carry = {2023: Decimal(100), 2025: Decimal(50)}
    done = use_losses(carry, 2026, Decimal(500), unfiled_years=[2024])
    assert [row.lapsed for row in done.rows] == [True, False]
    assert done.taxable_gain == 450


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: use_losses({2026: Decimal(1)}, 2026, Decimal(0)), "years before 2026"),
        (lambda: use_losses({2025: Decimal(-1)}, 2026, Decimal(0)), "positive amount"),
        (lambda: use_losses({}, 2026, Decimal(0), Decimal(-1)), "gross amount"),
    ],
)
def test_a_carry_that_cannot_be_is_refused(call, sentence):
    with pytest.raises(DomainError, match=sentence):
        call()


# -- dividends -----------------------------------------------------------------------------------


@given(st.integers(1, 10**9), st.integers(0, 30))
def test_a_dividend_from_gross_to_net_leaves_nothing_over(gross, percent):
    tax = dividends.dividend_tax(
        gross, DAY, source_rate=Decimal(percent) / 100, kind=AccountKind.JP_TOKUTEI_WH
    )
    assert tax.net + tax.source_tax + tax.national + tax.resident == gross
    assert 0 <= tax.rate <= 1


def test_account_kinds_differ_in_the_layers_withheld():
    def layers(kind):
        tax = dividends.dividend_tax(100_000, DAY, source_rate=0, kind=kind)
        return int(tax.national), int(tax.resident)

    assert layers(AccountKind.JP_TOKUTEI_WH) == (15_315, 5_000)
    assert layers(AccountKind.JP_CORP) == (15_315, 0)
    assert layers(AccountKind.JP_NISA) == (0, 0)
    with pytest.raises(WordError, match="US_TAXABLE"):
        layers(AccountKind.US_TAXABLE)


@pytest.mark.parametrize(("gross", "rate"), [(0, 0), (-1, 0), (100, 2)])
def test_a_dividend_that_cannot_be_is_refused(gross, rate):
    with pytest.raises(DomainError):
        dividends.dividend_tax(gross, DAY, source_rate=rate, kind=AccountKind.JP_NISA)


def test_the_credit_for_foreign_tax_never_exceeds_its_limits():
    done = dividends.foreign_tax_credit(100_000, 50_000, 1_000_000, 9_000)
    assert done.used == 5_000 + 105 + 1_500
    assert done.used + done.carry == 9_000
    with pytest.raises(EmptyBaseError):
        dividends.foreign_tax_credit(1, 0, 0, 1)
    with pytest.raises(DomainError, match="exceeds"):
        dividends.foreign_tax_credit(1, 2, 1, 1)


def test_foreign_tax_inside_a_fund_never_makes_the_income_tax_negative():
    assert dividends.fund_distribution(100, 900).income_tax == 0
    with pytest.raises(DomainError):
        dividends.fund_distribution(-1, 0)


@pytest.mark.parametrize(
    ("own", "company", "day", "comprehensive", "withheld"),
    [
        ("0.03", "0", DAY, True, "0.2042"),
        ("0.0299", "0", DAY, False, "0.15315"),
        ("0.012", "0.019", DAY, True, None),  # open point: the rate is not settled
        ("0.012", "0.019", dt.date(2023, 9, 30), False, "0.15315"),
    ],
)
def test_the_three_per_cent_test_counts_the_family_company_since_october_2023(
    own, company, day, comprehensive, withheld
):
    done = dividends.large_holder(Decimal(own), Decimal(company), day)
    assert done.comprehensive is comprehensive
    assert done.withholding == (None if withheld is None else Decimal(withheld))


# -- NISA, minimum tax, transfers ----------------------------------------------------------------


def test_a_nisa_frame_comes_back_next_year_at_cost():
    # kabuyaku.com: bought for 200,000, sold for 160,000: 200,000 comes back, and not this year.
    done = nisa.quota(
        2026, opening_cost=0, bought=[200_000], sold_at_cost=[nisa.restored_next_year(200_000, 1)]
    )
    assert (done.restored, done.annual_left, done.lifetime_used) == (200_000, 3_400_000, 0)


def test_the_quota_of_an_account_is_read_from_its_log():
    from tests.tax.jp_events import buy, played, sell

    n = {"account_id": "N"}
    events = (
        buy("a", -400, 100, 500_000, **n),
        sell("b", -390, 50, 400_000, **n),
        buy("c", 0, 100, 300_000, fee=Fraction(500), **n),
        sell("d", 9, 75, 900_000, **n),
        buy("e", 0, 100, 999_999),
    )
    done = nisa.account_quota("N", 2026, events, played(*events).realizations)
    # 250,000 are held at first; 75 of 150 at (250,000 + 300,500) / 150 = 3,670 come back next year.
    assert (done.annual_used, done.annual_left) == (300_000, 3_300_000)
    assert (done.restored, done.lifetime_used) == (75 * 3670, 250_000 + 300_000 - 75 * 3670)


def test_the_growth_frame_has_its_own_lifetime_limit():
    done = nisa.quota(2026, opening_cost=11_000_000, bought=[500_000], frame="growth")
    assert done.usable_next_year == 500_000
    assert nisa.usable(1, 2, 3) == 0


def test_the_frame_for_children_does_not_exist_before_2027():
    with pytest.raises(NoTableError, match="children"):
        nisa.quota(2026, opening_cost=0, bought=[], frame="children")
    with pytest.raises(DomainError, match="0 to 1"):
        nisa.restored_next_year(1, 2)


@given(st.integers(0, 2 * 10**9), st.sampled_from([2025, 2026, 2027, 2030]))
def test_income_taxed_at_fifteen_per_cent_meets_the_minimum_tax_at_its_break_even(income, year):
    top_up = minimum_tax(Decimal(income), Decimal(income) * Decimal("0.15"), year)
    edge = break_even(Decimal("0.15"), year)
    assert (top_up > 0) <= (income > edge)
    if income > edge + 100:
        assert top_up > 0


def test_the_window_for_inheritance_tax_ends_with_the_month_where_the_day_is_missing():
    assert transfers.inheritance_window_end(dt.date(2026, 4, 30)) == dt.date(2030, 2, 28)
    assert transfers.inheritance_window_end(dt.date(2024, 12, 31)) == dt.date(2028, 10, 31)


def test_the_addition_of_inheritance_tax_is_capped_at_the_gain():
    # 措法39条; No.3267: never more than the gain of the asset.
    assert transfers.inheritance_addition(10_000_000, 20_000_000, 100_000_000, 0, 1_500_000) == 1_500_000
    assert transfers.inheritance_addition(10_000_000, 20_000_000, 100_000_000, 0, -5) == 0
    with pytest.raises(DomainError, match="inheritance tax"):
        transfers.inheritance_addition(-1, 1, 1, 0, 1)


def test_an_approved_donation_is_no_sale():
    assert transfers.deemed_gain_of_donation(1, 5, approved=True) == 0
