"""TAX_...: netting, carried losses, dividends, credits for foreign tax, and dates."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

from udfs.lots import CHOSEN, HEADER
from xlplugin.core.accounts import Account, AccountKind, Taxpayer
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import exact
from xlplugin.engines.tax_year import BUCKETS, Result, bucket_of_kind, net_year
from xlplugin.errors import InputError, MissingError, WordError, XlPluginError
from xlplugin.tax.carryforward import CarriedLoss, use_losses
from xlplugin.tax.dividends import dividend_tax, foreign_tax_credit, fund_distribution
from xlplugin.tax.regime import REGIMES
from xlplugin.tax.tables import last_day
from xlplugin.worksheet.kinds import (
    Choice,
    Day,
    Flag,
    Help,
    Kind,
    Money,
    Option,
    OptionalDays,
    OptionalRecords,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    Table,
    Text,
    Whole,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import CARRY, REALISED

__all__ = [
    "tax_carryforward",
    "tax_dividend",
    "tax_earliest_rebuy",
    "tax_foreign_credit",
    "tax_fund_credit",
    "tax_gains",
    "tax_last_trade_date",
]

_KIND = Help(
    "Account kind: a code such as JP_TOKUTEI_WH, or a word such as 特定, 一般, NISA, 法人, taxable, IRA",
    "口座区分(コード、または特定・一般・NISA・法人など)",
)

GAINS_OPTIONS = OptionSchema(
    (
        Option(
            "rounding",
            ("端数処理",),
            Kind.TEXT,
            "WITHHOLDING",
            choice=Choice("WITHHOLDING", "FILING", japanese={"源泉徴収": "WITHHOLDING", "申告": "FILING"}),
        ),
        Option("filed", ("申告済み",), Kind.FLAG, True),
        Option("short_rate", ("短期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("long_rate", ("長期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option(
            "filing_status",
            ("申告区分",),
            Kind.TEXT,
            "SINGLE",
            choice=Choice("SINGLE", "MFJ", "MFS", "HOH", "QSS"),
        ),
        Option("period_end", ("期末日",), Kind.DAY, None),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)
GAINS_COLUMNS = {
    "bucket": "所得区分",
    "gains": "利益",
    "losses": "損失",
    "net": "通算後",
    "dividends_used": "配当との通算",
    "carry_used": "繰越使用",
    "taxable": "課税対象",
    "national_tax": "所得税等",
    "local_tax": "住民税",
    "total_tax": "税額合計",
    "carry_out": "翌年繰越",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "TAX_GAINS",
    category="Tax",
    ja="損益通算",
    help_ja="1年間の実現損益を所得区分ごとに通算し、繰越控除後の課税対象と税額を返します(試算)。",
    columns=GAINS_COLUMNS,
    source="methodology 6.4; 措法37の11, 37の12の2; 復興財源確保法28条; 26 USC 1211, 1212, 1222",
)
def tax_gains(
    realised: Annotated[
        Records,
        Help(
            "Realised results: table with a date, gain and account_kind", "実現損益表(LOT_DISPOSEの結果も可)"
        ),
        REALISED,
    ],
    year: Annotated[Whole, Help("Tax year", "年")],
    carry: Annotated[
        OptionalRecords,
        Help("Losses of earlier years: table with year and amount", "繰越表(年、金額)"),
        CARRY,
    ] = None,
    dividends: Annotated[
        Money, Help("Listed dividends under separate taxation, before tax", "申告分離課税の配当等(税引前)")
    ] = Decimal(0),
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: rounding, filed, short_rate, long_rate, filing_status, period_end",
            "設定(端数処理、申告済み、短期税率、長期税率、申告区分、期末日)",
        ),
        GAINS_OPTIONS,
    ] = None,
) -> Spill:
    """Results of one year netted by bucket, with carried losses, the taxable amount and the tax.

    One row per bucket present. LISTED: this year's loss meets this year's dividends, then each
    earlier loss, oldest first, meets gains and then dividends; `taxable` holds the gains and the
    dividends that are left, taxed by the dated table of the year. US short and long results net
    with each other; without rates their tax is blank. A company's rows count by calendar year, or
    by the fiscal year that ends on `period_end`; their tax is blank. NISA, iDeCo and retirement
    accounts are VOID. An estimate, not a tax form.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> rows = [["date", "gain"], [dt.date(2026, 3, 2), 500000], [dt.date(2026, 10, 1), -300000]]
    >>> call(REGISTRY["TAX_GAINS"], rows, 2026, None, None, [["columns", "net, total_tax"]])[1]
    [200000.0, 40630.0]
    """
    given = GAINS_OPTIONS.defaults() | (options or {})
    results = _results_of_year(realised, year, given["period_end"])
    losses = _carry(carry) if carry is not None else {}
    if (
        losses
        and not any(r.bucket == "LISTED" for r in results)
        and {r.bucket for r in results} & {"ST", "LT"}
    ):
        raise InputError(
            "carry: it holds losses of listed shares in Japan; write a US carry as rows of realised "
            "with the bucket ST or LT and a negative gain"
        )
    lines = net_year(
        results,
        year,
        carry=losses,
        dividends=dividends,
        filed=given["filed"],
        as_return=given["rounding"] == "FILING",
        rates=(given["short_rate"], given["long_rate"]),
        filing_status=given["filing_status"],
    )
    rows = [
        [
            line.bucket,
            line.gains,
            line.losses,
            line.net,
            line.dividends_used,
            line.carry_used,
            line.taxable,
            line.national_tax,
            line.local_tax,
            line.total_tax,
            line.carry_out,
            "VOID" if line.bucket == "VOID" else "OK",
            "; ".join(line.reasons),
        ]
        for line in lines
    ]
    return Spill(tuple(GAINS_COLUMNS), rows)


def _results_of_year(realised: Table, year: int, period_end: dt.date | None) -> list[Result]:
    """The rows of the year; a row that cannot be read would change the sums unseen, so it stops the call."""
    unreadable = {row: f"{key}: {sentence}" for row, key, sentence in reversed(realised.problems)}
    results = []
    for record in realised.records():
        where = f"realised, row {record['row']}"
        if record["row"] in unreadable:
            raise InputError(f"{where}, column {unreadable[record['row']]}")
        if record["gain"] is None:
            if record["recognised_on"] is None and record["trade_date"] is None:
                continue  # a note or a total line below the list
            raise InputError(f"{where}: gain is blank; fill it in or remove the row")
        try:
            kind = AccountKind.of(record["account_kind"] or AccountKind.JP_TOKUTEI_WH.value)
            bucket = (record["bucket"] or "").upper() or bucket_of_kind(kind, (record["term"] or "").upper())
            if bucket not in BUCKETS:
                raise WordError("bucket", got=record["bucket"], choices=BUCKETS)
        except XlPluginError as error:
            raise InputError(f"{where}: {error}") from None
        day = _recognised(record, kind, where)
        if bucket == "CORP" and period_end is not None:
            inside = REGIMES["jp.corporate"].period(day, _company(period_end)).end == period_end
        else:
            inside = day.year == year
        if inside:
            results.append(Result(bucket, exact(record["gain"])))
    return results


def _company(period_end: dt.date) -> Taxpayer:
    return Taxpayer(corporation=True, fiscal_year_end=(period_end.month, period_end.day))


def _recognised(record: dict[str, Any], kind: AccountKind, where: str) -> dt.date:
    day: dt.date | None = record["recognised_on"]
    if day is not None:
        return day
    traded: dt.date | None = record["trade_date"]
    if traded is None:
        raise InputError(f"{where}: there is neither recognised_on nor trade_date; give one of them")
    if kind.facts.regime == "jp.individual":
        return calendar(kind.facts.market).settlement(traded)
    return traded


def _carry(carry: Table) -> dict[int, Decimal]:
    losses: dict[int, Decimal] = {}
    for record in carry.records():
        if record["year"] is None or record["amount"] is None:
            raise InputError(f"carry, row {record['row']}: year and amount are both needed")
        if record["year"] in losses:
            raise InputError(f"carry, row {record['row']}: {record['year']} is there twice; keep one row")
        losses[record["year"]] = record["amount"]
    return losses


CARRY_COLUMNS = {
    "origin_year": "発生年",
    "opening": "期首残",
    "used_gain": "譲渡益から",
    "used_dividend": "配当から",
    "expired": "期限切れ",
    "closing": "期末残",
    "last_year": "最終年",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "TAX_CARRYFORWARD",
    category="Tax",
    ja="繰越控除",
    help_ja="上場株式等の繰越損失を古い年から、譲渡益、次に配当の順に使い、残額と期限を返します。",
    columns=CARRY_COLUMNS,
    source="methodology 6.4; 措法37の12の2",
)
def tax_carryforward(
    carry: Annotated[
        Records,
        Help("Losses of earlier years, positive: table with year and amount", "繰越表(年、金額)"),
        CARRY,
    ],
    year: Annotated[Whole, Help("Tax year", "年")],
    gain: Annotated[
        Money, Help("Net listed gain of the year (negative: a new loss)", "上場株式等の損益(負は損失)")
    ],
    dividends: Annotated[
        Money, Help("Listed dividends under separate taxation, before tax", "申告分離課税の配当等(税引前)")
    ] = Decimal(0),
    filed: Annotated[  # noqa: FBT002 - a cell has no keywords
        Flag, Help("1 if a return was filed for every year since the loss", "損失の年から毎年申告していれば1")
    ] = True,
) -> Spill:
    """Carried losses of listed shares over one year: opening, used, expired, closing, last year.

    One row per year of origin, oldest first, and the year itself if it adds a loss. A loss lasts
    three years; without a return for every year since, all earlier losses lapse (NOT_FILED).

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> carry = [["year", "amount"], [2023, 500000], [2024, 300000]]
    >>> for row in call(REGISTRY["TAX_CARRYFORWARD"], carry, 2026, 600000)[1:]:
    ...     print(*row[:6])
    2023.0 500000.0 500000.0 0.0 0.0 0.0
    2024.0 300000.0 100000.0 0.0 0.0 200000.0
    """
    done = use_losses(_carry(carry), year, gain, dividends, unfiled_years=() if filed else (year - 1,))
    rows = [
        [
            row.origin_year,
            row.opening,
            row.used_gain,
            row.used_dividend,
            row.expired,
            row.closing,
            row.last_year,
            *_verdict(row),
        ]
        for row in done.rows
    ]
    return Spill(tuple(CARRY_COLUMNS), rows)


def _verdict(row: CarriedLoss) -> tuple[str, str]:
    if row.lapsed:
        return "VOID", "NOT_FILED"
    if row.expired:
        return "OK" if row.used_gain or row.used_dividend else "VOID", "CARRY_EXPIRED"
    return "OK", "CARRY_NEEDS_RETURN" if row.closing else ""


DIVIDEND_COLUMNS = {
    "source_tax": "源泉徴収税",
    "base": "課税標準",
    "national_tax": "所得税等",
    "local_tax": "住民税",
    "net": "手取額",
    "rate": "実効税率",
}


@worksheet_function(
    "TAX_DIVIDEND",
    category="Tax",
    ja="配当の税",
    help_ja="配当1件の外国源泉税、国内の所得税等・住民税、手取額と実効税率を返します(試算)。",
    columns=DIVIDEND_COLUMNS,
    source="methodology 3.5; 復興財源確保法28条・31条2項; 日米租税条約10条",
)
def tax_dividend(
    gross: Annotated[Money, Help("Dividend before any tax, in the currency of fx", "税引前の配当(fxの通貨)")],
    year: Annotated[Whole, Help("Tax year of the payment", "支払の年")],
    source: Annotated[
        Money,
        Help("Foreign tax at source as a fraction; 0 for a domestic dividend", "外国の源泉税率(国内株は0)"),
    ] = Decimal("0.10"),
    account_kind: Annotated[Text, _KIND] = "JP_TOKUTEI_WH",
    fx: Annotated[Money, Help("TTB rate, yen per unit", "為替(TTB、1単位あたり円)")] = Decimal(1),
) -> Spill:
    """Taxes on one dividend paid into an account in Japan, from gross to net, in whole yen.

    The foreign tax comes off first; Japanese tax is withheld on the rest, each layer rounded down:
    none in NISA and iDeCo, no resident tax for a company. `rate` is all taxes over the gross.

    Examples
    --------
    >>> [float(x) for x in tax_dividend(Decimal(100_000), 2026).rows[0]]
    [10000.0, 90000.0, 13783.0, 4500.0, 71717.0, 0.28283]
    """
    done = dividend_tax(gross, last_day(year), source_rate=source, kind=AccountKind.of(account_kind), fx=fx)
    row = [done.source_tax, done.base, done.national, done.resident, done.net, done.rate]
    return Spill(tuple(DIVIDEND_COLUMNS), [row])


CREDIT_COLUMNS = {
    "national_limit": "所得税限度",
    "reconstruction_limit": "復興税限度",
    "local_limit": "住民税限度",
    "used": "控除額",
    "carry": "翌年以後へ繰越",
}


@worksheet_function(
    "TAX_FOREIGN_CREDIT",
    category="Tax",
    ja="外国税額控除",
    help_ja="外国税額控除の限度額(所得税・復興特別所得税等・住民税)、控除額、繰越額を返します(試算)。",
    columns=CREDIT_COLUMNS,
    source="methodology 3.5; 所得税法95条; 国税庁タックスアンサー No.1240",
)
def tax_foreign_credit(
    income_tax: Annotated[Money, Help("Income tax of the year before the credit", "控除前の所得税額")],
    foreign_income: Annotated[Money, Help("Foreign-source income", "国外所得")],
    total_income: Annotated[Money, Help("Total income", "所得総額")],
    foreign_tax: Annotated[Money, Help("Foreign tax paid", "外国税額")],
) -> Spill:
    """Credit for foreign tax on a return: the limit of each layer, what is used, what is carried.

    National limit = income tax x foreign / total income; the surtaxes (2.1 % in all) by the same
    ratio; local limit = 30 % of the national one. What exceeds them is carried for three years.

    Examples
    --------
    >>> done = tax_foreign_credit(Decimal(900_000), Decimal(100_000), Decimal(10_000_000), Decimal(10_000))
    >>> [int(x) for x in done.rows[0]]
    [9000, 189, 2700, 10000, 0]
    """
    return Spill(
        tuple(CREDIT_COLUMNS),
        [list(foreign_tax_credit(income_tax, foreign_income, total_income, foreign_tax))],
    )


FUND_COLUMNS = {"gross": "総額", "income_tax": "所得税", "resident_tax": "住民税", "net": "手取額"}


@worksheet_function(
    "TAX_FUND_CREDIT",
    category="Tax",
    ja="二重課税調整",
    help_ja="投資信託の分配金について、二重課税調整後の所得税・住民税と手取額を返します(試算)。",
    columns=FUND_COLUMNS,
    source="methodology 3.5; 措法9の3の2",
)
def tax_fund_credit(
    distribution: Annotated[Money, Help("Distribution received before Japanese tax", "分配金(国内の税引前)")],
    foreign_tax: Annotated[Money, Help("Foreign tax paid inside the fund", "ファンド内の外国税額")],
) -> Spill:
    """Tax on a fund's distribution when foreign tax paid inside the fund is taken into account.

    gross = distribution + foreign tax; the foreign tax comes off the income tax on it, not off the
    resident tax.

    Examples
    --------
    >>> [int(x) for x in tax_fund_credit(Decimal(900), Decimal(100)).rows[0]]
    [1000, 53, 50, 797]
    """
    return Spill(tuple(FUND_COLUMNS), [list(fund_distribution(distribution, foreign_tax))])


@worksheet_function(
    "TAX_LAST_TRADE_DATE",
    category="Tax",
    ja="最終約定日",
    help_ja="その期の損益になる最後の約定日を返します(日本の個人は受渡日、法人と米国は約定日で判定)。",
    source="methodology 6.3; 措置法通達37の10・37の11共-1; 法人税法61条の2; Rev. Rul. 66-97",
)
def tax_last_trade_date(
    period_end: Annotated[Day, Help("Last day of the tax year or fiscal year", "期末日")],
    account_kind: Annotated[Text, _KIND],
    lag: Annotated[
        int | None,
        Kind.WHOLE,
        Help(
            "Settlement lag in trading days (default: the market's)",
            "受渡までの営業日数(省略時は市場の日数)",
            (0, 30),
        ),
    ] = None,
    holidays: Annotated[
        OptionalDays, Help("Exchange holidays (default: built-in calendar)", "取引所の休業日(省略時は内蔵)")
    ] = None,
) -> dt.date:
    """The last trade date whose result still falls into the period.

    Individuals in Japan: the last trading day that settles on or before `period_end`. Companies
    in Japan and the United States: the last trading day itself.

    Examples
    --------
    >>> tax_last_trade_date(dt.date(2026, 12, 31), "特定")
    datetime.date(2026, 12, 28)
    """
    kind = AccountKind.of(account_kind)
    market = calendar(kind.facts.market, holidays)
    if kind.facts.regime == "jp.individual":
        return market.last_trade_settling_by(period_end, lag)
    return market.on_or_before(period_end)


@worksheet_function(
    "TAX_EARLIEST_REBUY",
    category="Tax",
    ja="買戻し可能日",
    help_ja="損失を減らさずに同じ口座で買い戻せる最初の日を返します。法人には返しません。",
    source="methodology 6.3; 措置法通達37の11の3-1; 26 USC 1091",
)
def tax_earliest_rebuy(
    sale_date: Annotated[Day, Help("Trade date of the loss sale", "売却の約定日")],
    account_kind: Annotated[Text, _KIND],
    holidays: Annotated[
        OptionalDays, Help("Exchange holidays (default: built-in calendar)", "取引所の休業日(省略時は内蔵)")
    ] = None,
) -> dt.date:
    """The first day on which a purchase in the same account leaves the loss as it is.

    Individuals in Japan: the next trading day. United States: 31 calendar days later. A company
    gets #N/A: no number of days is safe in tax law; nor do accounts whose losses count nowhere.

    Examples
    --------
    >>> tax_earliest_rebuy(dt.date(2026, 12, 1), "taxable")
    datetime.date(2027, 1, 1)
    """
    kind = AccountKind.of(account_kind)
    day = REGIMES[kind.facts.regime].earliest_rebuy(
        sale_date, Account("", kind), calendar(kind.facts.market, holidays)
    )
    if day is None:
        raise MissingError(
            f"{kind.value}: no day can be given; "
            + (
                "for a company no number of days is safe (法人税基本通達2-1-23の4)"
                if kind.facts.loss_counts
                else "a loss of this account counts nowhere"
            )
        )
    return day
