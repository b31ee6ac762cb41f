"""Eight invented clients of the sample markets: what they hold, did and wish.

C0001 and C0002 are Japanese individuals (Japanese and English), C0003 a Japanese company, C0004
and C0005 households in the United States (English and Japanese). C0006 has faults on purpose
and is refused when it is read; C0007 has gaps on purpose (a security without a history, a lot
without a day) and is computed all the same; C0008 holds a security without a price, which its
own checks refuse.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xlplugin.core.calendars import calendar

if TYPE_CHECKING:
    from workbooks.sample.make import SampleMarket

__all__ = ["tables"]

HEADERS = {
    "clients": (
        "client_id client_name language regime market household outside_accounts adviser firm currency goal "
        "horizon_years loss_tolerance knowledge control_wish rate_short rate_long files_every_year fiscal_year_end "
        "gains_low gains_base gains_high dividends cash index_name te_limit budget scenario source_rate cash_raise"
    ),
    "accounts": "client_id account account_kind owner owner_relation broker seen opened",
    "lots": "client_id account code name lot acquired quantity unit_cost cost_basis ccy restriction",
    "trades": (
        "client_id trade_id account code name side trade_state trade_date settle_date quantity trade_price fee ccy lot"
    ),
    "realized": (
        "client_id trade_id account account_kind code name quantity acquired trade_date recognized_on proceeds "
        "expense_basis adjustment gain_realized term"
    ),
    "carry": "client_id carry_year carry_amount source",
    "restrictions": "client_id rule_target rule_kind rule_reason source valid_from",
    "wishes": "client_id wish_kind wish_target wish_reason source",
    "pairs": "client_id sold_code buy_code allowed rule_reason valid_from",
    "history": "client_id obs_date portfolio_level index_level",
    "td_items": "client_id td_item td_amount",
    "requests": "client_id request due_date",
    "reviews": "client_id due_date what limit reviewer",
}


@dataclass(frozen=True)
class Holder:
    """One client: settings, accounts (name, kind, owner, relation, broker, seen) and how much it holds."""

    client_id: str
    japanese: bool
    settings: dict[str, Any]
    accounts: tuple[tuple[str, str, str, str, str, str], ...]
    names: int
    value: float
    carry: tuple[tuple[int, int], ...] = ()
    wishes: tuple[tuple[str, str, str], ...] = ()
    planned: int = 0
    sales: int = 3
    tracking: float = 0.004
    extra_lots: list[list[Any]] = field(default_factory=list)


HOLDERS = (
    Holder(
        "C0001",
        True,
        {
            "client_name": "見本 太郎",
            "language": "ja",
            "regime": "jp_individual",
            "household": "H0001",
            "outside_accounts": "declared_none",
            "goal": "growth",
            "horizon_years": 15,
            "loss_tolerance": "0.25",
            "knowledge": "good",
            "control_wish": "some",
            "files_every_year": 1,
            "gains_low": 0,
            "gains_base": 800000,
            "gains_high": 1500000,
            "dividends": 350000,
            "cash": 2500000,
            "budget": "600000",
            "cash_raise": "5000000",
        },
        (
            ("A-1", "特定(源泉あり)", "見本 太郎", "self", "見本証券", "seen"),
            ("A-2", "NISA", "見本 太郎", "self", "見本証券", "seen"),
            ("A-3", "一般", "見本 太郎", "self", "架空証券", "seen"),
        ),
        42,
        48_000_000,
        carry=((2024, 320000), (2025, 150000)),
        wishes=(("sector", "電気・ガス業", "石炭火力への方針による"), ("code", "1017", "勤務先の株式のため")),
        planned=2,
    ),
    Holder(
        "C0002",
        True,
        {
            "client_name": "Hanako Example",
            "language": "en",
            "regime": "jp_individual",
            "household": "H0002",
            "outside_accounts": "not_seen",
            "goal": "inheritance",
            "horizon_years": 20,
            "loss_tolerance": "0.30",
            "knowledge": "some",
            "control_wish": "strong",
            "files_every_year": 1,
            "gains_low": 0,
            "gains_base": 400000,
            "gains_high": 900000,
            "dividends": 180000,
            "cash": 1200000,
            "budget": "10%",
        },
        (
            ("B-1", "特定(源泉なし)", "Hanako Example", "self", "Mihon Securities", "seen"),
            ("B-2", "NISA", "Hanako Example", "self", "Mihon Securities", "seen"),
            ("B-3", "特定(源泉あり)", "Ichiro Example", "spouse", "Kakuu Securities", "not_seen"),
        ),
        30,
        27_000_000,
        wishes=(("sector", "海運業", "No shipping, by the family's policy"),),
    ),
    Holder(
        "C0003",
        True,
        {
            "client_name": "架空商事ホールディングス株式会社",
            "language": "ja",
            "regime": "jp_corporate",
            "household": "H0003",
            "outside_accounts": "declared_none",
            "goal": "diversify",
            "horizon_years": 7,
            "loss_tolerance": "0.15",
            "knowledge": "good",
            "control_wish": "some",
            "rate_short": "0.3358",
            "rate_long": "0.3358",
            "fiscal_year_end": "2027-03-31",
            "gains_low": 0,
            "gains_base": 5000000,
            "gains_high": 9000000,
            "dividends": 2600000,
            "cash": 12000000,
            "budget": "4000000",
            "cash_raise": "20000000",
        },
        (("K-1", "法人", "架空商事ホールディングス株式会社", "self", "見本証券", "seen"),),
        50,
        240_000_000,
        wishes=(("code", "1015", "取引先のため"), ("code", "1035", "取引先のため")),
    ),
    Holder(
        "C0004",
        False,
        {
            "client_name": "Alder Household",
            "language": "en",
            "regime": "us_taxable",
            "household": "H0004",
            "outside_accounts": "seen",
            "goal": "growth",
            "horizon_years": 12,
            "loss_tolerance": "0.30",
            "knowledge": "good",
            "control_wish": "some",
            "rate_short": "0.408",
            "rate_long": "0.238",
            "gains_low": 0,
            "gains_base": 20000,
            "gains_high": 45000,
            "dividends": 9000,
            "cash": 25000,
            "budget": "15000",
            "cash_raise": "30000",
        },
        (
            ("T-1", "taxable", "Pat Alder", "self", "Eskerholm Brokerage", "seen"),
            ("I-1", "IRA", "Pat Alder", "self", "Eskerholm Brokerage", "seen"),
            ("T-2", "taxable", "Sam Alder", "spouse", "Fennimoor Brokerage", "seen"),
        ),
        45,
        850_000,
        carry=((2025, 6200),),
        wishes=(("sector", "Energy", "No oil and gas producers"), ("code", "ZZBA", "Employer's stock")),
        planned=2,
    ),
    Holder(
        "C0005",
        False,
        {
            "client_name": "小川 例子",
            "language": "ja",
            "regime": "us_taxable",
            "household": "H0005",
            "outside_accounts": "not_seen",
            "goal": "diversify",
            "horizon_years": 10,
            "loss_tolerance": "0.20",
            "knowledge": "some",
            "control_wish": "none",
            "rate_short": "0.35",
            "rate_long": "0.15",
            "gains_low": 0,
            "gains_base": 8000,
            "gains_high": 15000,
            "dividends": 4200,
            "cash": 12000,
            "budget": "10%",
        },
        (
            ("T-1", "taxable", "小川 例子", "self", "Eskerholm Brokerage", "seen"),
            ("R-1", "Roth", "小川 例子", "self", "Eskerholm Brokerage", "seen"),
        ),
        28,
        310_000,
        planned=1,
    ),
    Holder(
        "C0006",
        True,
        {
            "client_name": "誤記 見本",
            "language": "ja",
            "regime": "jp_individual",
            "household": "H0006",
            "outside_accounts": "declared_none",
            "goal": "growth",
            "cash": 0,
            "budget": "100000",
        },
        (("E-1", "特定(源泉あり)", "誤記 見本", "self", "見本証券", "seen"),),
        6,
        6_000_000,
        extra_lots=[
            ["C0006", "E-1", "1003", "", "", "2025-06-02", "-100", "1200", "120000", "JPY", ""],
            ["C0006", "E-9", "1004", "", "", "2025-06-02", "100", "", "", "JPY", ""],
        ],
    ),
    Holder(
        "C0007",
        True,
        {
            "client_name": "空白 例",
            "language": "ja",
            "regime": "jp_individual",
            "household": "H0007",
            "outside_accounts": "not_seen",
            "goal": "income",
            "knowledge": "none",
            "control_wish": "none",
            "files_every_year": 0,
            "dividends": 90000,
            "cash": 400000,
            "budget": "200000",
        },
        (
            ("F-1", "特定(源泉あり)", "空白 例", "self", "架空証券", "seen"),
            ("F-2", "NISA", "空白 例", "self", "架空証券", "seen"),
        ),
        14,
        9_000_000,
        extra_lots=[
            ["C0007", "F-1", "1298", "新規上場の見本", "", "2026-10-15", "300", "880", "264000", "JPY", ""],
            ["C0007", "F-1", "1202", "", "", "", "40", "2750", "110000", "JPY", ""],
        ],
    ),
    Holder(
        "C0008",
        True,
        {
            "client_name": "停止 見本",
            "language": "en",
            "regime": "jp_individual",
            "household": "H0008",
            "outside_accounts": "declared_none",
            "goal": "growth",
            "files_every_year": 1,
            "cash": 300000,
            "budget": "100000",
        },
        (("G-1", "特定(源泉あり)", "停止 見本", "self", "架空証券", "seen"),),
        8,
        6_000_000,
        extra_lots=[
            ["C0008", "G-1", "1299", "売買停止の見本", "", "2024-09-10", "300", "880", "264000", "JPY", ""],
        ],
    ),
)


def tables(jp: SampleMarket, us: SampleMarket, seed: int) -> dict[str, list[list[Any]]]:
    """Every table of the book, header first."""
    made: dict[str, list[list[Any]]] = {name: [header.split()] for name, header in HEADERS.items()}
    for number, holder in enumerate(HOLDERS):
        _Writer(
            holder, jp if holder.japanese else us, np.random.default_rng([seed, 10 + number]), made
        ).write()
    return made


class _Writer:
    """Writes the rows of one client."""

    def __init__(
        self, holder: Holder, market: SampleMarket, rng: np.random.Generator, made: dict[str, list[list[Any]]]
    ) -> None:
        self.holder, self.market, self.rng, self.made = holder, market, rng, made
        self.ccy = "JPY" if holder.japanese else "USD"
        self.as_of = market.dates[-1]
        self.trade = 0

    def add(self, table: str, *values: Any) -> None:
        self.made[table].append([self.holder.client_id, *values])

    def write(self) -> None:
        self._settings()
        for account, kind, owner, relation, broker, seen in self.holder.accounts:
            self.add("accounts", account, kind, owner, relation, broker, seen, "2019-04-01")
        self._lots()
        self._sales()
        for year, amount in self.holder.carry:
            if self.holder.japanese:
                self.add("carry", year, amount, "確定申告書付表")
            else:
                self._carried(year, amount)
        for kind, target, reason in self.holder.wishes:
            self.add("wishes", kind, target, reason, "interview" if self._english else "面談記録")
            if kind == "code":
                self.add(
                    "restrictions",
                    target,
                    "do_not_buy",
                    reason,
                    "interview" if self._english else "面談記録",
                    "2026-01-05",
                )
        first, second = self.market.securities[0].code, self.market.securities[20].code
        why = "Same group of companies" if self._english else "同じ企業集団のため"
        self.add("pairs", first, second, 0, why, "2026-01-05")
        self._history()
        self._words()

    @property
    def _english(self) -> bool:
        return bool(self.holder.settings["language"] == "en")

    def _settings(self) -> None:
        jp = self.holder.japanese
        adviser = (
            ("Rei Sample", "Sample Advisory K.K.")
            if self._english
            else ("例 玲", "見本アドバイザリー株式会社")
        )
        given = {
            "market": "jp" if jp else "us",
            "adviser": adviser[0],
            "firm": adviser[1],
            "currency": self.ccy,
            "index_name": ("Sample 60 Japan" if jp else "Sample 60 US")
            if self._english
            else ("見本60指数(日本)" if jp else "見本60指数(米国)"),
            "te_limit": "0.02",
            "scenario": "D",
            "source_rate": "0",
        } | self.holder.settings
        header = HEADERS["clients"].split()[1:]
        self.add("clients", *(given.get(key, "") for key in header))

    # -- holdings ------------------------------------------------------------------------------------

    def _lots(self) -> None:
        holder, market = self.holder, self.market
        members = len(market.securities)
        chosen = self.rng.choice(members, size=holder.names, replace=False)
        sessions = len(market.dates)
        held = [a for a in holder.accounts if a[5] == "seen"]
        share = holder.value / holder.names
        for place, n in enumerate(sorted(int(c) for c in chosen)):
            security = market.securities[n]
            account = (
                held[0] if place % 4 else held[min(len(held) - 1, 1 + (place // 4) % max(1, len(held) - 1))]
            )
            buys = int(self.rng.integers(1, 4))
            days = sorted(int(d) for d in self.rng.integers(185, sessions - 6, size=buys))
            for day in days:
                self._lot(account, security, n, day, share * float(self.rng.uniform(0.5, 1.6)) / buys)
        self._recent(held)
        for row in holder.extra_lots:
            self.made["lots"].append(list(row))

    def _lot(self, account: tuple[str, ...], security: Any, n: int, day: int, amount: float) -> None:
        price = float(self.market.prices[day, n])
        if not price > 0:
            return
        unit = 100 if self.holder.japanese else 1
        quantity = max(unit, round(amount / price / unit) * unit)
        date = self.market.dates[day]
        # Half a basis point a share of commission is part of the cost; yen are whole, cents have two places.
        cost = quantity * price * 1.0005
        cost_text = f"{round(cost)}" if self.holder.japanese else f"{cost:.2f}"
        unit_cost = f"{np.ceil(cost / quantity):.0f}" if self.holder.japanese else f"{cost / quantity:.4f}"
        lot = "" if self.holder.japanese else f"L{len(self.made['lots']):04d}"
        self.add(
            "lots",
            account[0],
            security.code,
            security.name,
            lot,
            date,
            quantity,
            unit_cost,
            cost_text,
            self.ccy,
            "",
        )
        if date.year == self.as_of.year:
            self._trade(account, security, "BUY", "filled", day, quantity, price, lot)

    def _trade(
        self,
        account: tuple[str, ...],
        security: Any,
        side: str,
        state: str,
        day: int,
        quantity: int,
        price: float,
        lot: str,
    ) -> dt.date:
        self.trade += 1
        date = self.market.dates[day]
        settled = calendar(self.market.market).settlement(date)
        fee = round(quantity * price * 0.0005, 0 if self.holder.japanese else 2)
        fee_text = f"{fee:.0f}" if self.holder.japanese else f"{fee:.2f}"
        price_text = f"{price:.0f}" if self.holder.japanese else f"{price:.2f}"
        self.add(
            "trades",
            f"T{self.trade:04d}",
            account[0],
            security.code,
            security.name,
            side,
            state,
            date,
            settled,
            quantity,
            price_text,
            fee_text,
            self.ccy,
            lot,
        )
        return settled

    def _recent(self, held: list[tuple[str, str, str, str, str, str]]) -> None:
        """Purchases of the last days and planned ones: what a harvest must not overlook."""
        mine = {row[2] for row in self.made["lots"] if row[0] == self.holder.client_id}
        falling = [
            n
            for n, s in enumerate(self.market.securities)
            if s.code in mine and self.market.prices[-1, n] < 0.95 * self.market.prices[-220, n]
        ]
        last = len(self.market.dates) - 1
        for k in range(min(self.holder.planned, len(falling))):
            n = falling[k]
            security, price = self.market.securities[n], float(self.market.prices[-1, n])
            unit = 100 if self.holder.japanese else 5
            account = held[min(len(held) - 1, k)]
            if k == 0:
                self._lot(account, security, n, last - 4, unit * price)
            else:
                self._trade(account, security, "BUY", "planned", last, unit, price, "")

    # -- what was done this year -------------------------------------------------------------------

    def _sales(self) -> None:
        """Sales of securities that are not held any more."""
        mine = {row[2] for row in self.made["lots"] if row[0] == self.holder.client_id}
        gone = [n for n, s in enumerate(self.market.securities[:-3]) if s.code not in mine]
        first = self.market.at(dt.date(self.as_of.year, 1, 12))
        account = self.holder.accounts[0]
        for k in range(min(self.holder.sales, len(gone))):
            n = gone[(k * 7) % len(gone)]
            security = self.market.securities[n]
            bought, sold = 200 + 60 * k, first + 55 * k + 9
            unit = 100 if self.holder.japanese else 20
            quantity = unit * int(self.rng.integers(1, 5))
            price, paid = float(self.market.prices[sold, n]), float(self.market.prices[bought, n])
            lot = "" if self.holder.japanese else f"S{k + 1:03d}"
            settled = self._trade(account, security, "SELL", "filled", sold, quantity, price, lot)
            digits = 0 if self.holder.japanese else 2
            proceeds = round(quantity * price, digits)
            basis = round(quantity * paid * 1.0005 + quantity * price * 0.0005, digits)
            sold_on = self.market.dates[sold]
            held_on = self.market.dates[bought]
            long_term = (sold_on - held_on).days > 366
            individual = self.holder.settings["regime"] == "jp_individual"
            self.add(
                "realized",
                f"T{self.trade:04d}",
                account[0],
                account[1],
                security.code,
                security.name,
                quantity,
                held_on,
                sold_on,
                settled if individual else sold_on,
                f"{proceeds:.{digits}f}",
                f"{basis:.{digits}f}",
                0,
                f"{proceeds - basis:.{digits}f}",
                "" if self.holder.japanese else ("LT" if long_term else "ST"),
            )

    def _carried(self, year: int, amount: int) -> None:
        """A US loss carried in has a term: it is a row of realized on the first day of the year."""
        account, day = self.holder.accounts[0], dt.date(self.as_of.year, 1, 1)
        name = f"Loss carried from {year}"
        self.add(
            "realized",
            f"CARRY-{year}",
            account[0],
            account[1],
            "CARRY",
            name,
            1,
            "",
            day,
            day,
            0,
            amount,
            0,
            -amount,
            "LT",
        )

    def _history(self) -> None:
        """Month ends: the index, and a portfolio that trails it a little with noise of its own."""
        ends = [i for i, d in enumerate(self.market.dates[:-1]) if d.month != self.market.dates[i + 1].month]
        ends.append(len(self.market.dates) - 1)
        level = 100.0
        base = self.market.index[ends[0]]
        for k, i in enumerate(ends):
            if k:
                index_return = self.market.index[i] / self.market.index[ends[k - 1]] - 1.0
                level *= 1.0 + index_return - 0.0035 / 12 + float(self.rng.normal(0.0, self.holder.tracking))
            self.add(
                "history", self.market.dates[i], f"{level:.4f}", f"{100 * self.market.index[i] / base:.4f}"
            )
        for item, amount in (
            ("ter", "0.0035"),
            ("execution", "0.0006"),
            ("dividend", "0.0009"),
            ("lending", "-0.0001"),
        ):
            self.add("td_items", item, amount)

    def _words(self) -> None:
        if self._english:
            requests = (
                ("Confirm the accounts held elsewhere", "2026-12-04"),
                ("Approve the plan and the budget", "2026-12-11"),
                ("Send last year's tax return", "2026-12-11"),
            )
            reviews = (
                ("2027-01-29", "Harvest of the year and carried losses", "TE 2.0%", "Rei Sample"),
                ("2027-05-28", "Drift, cost and wishes", "TE 2.0%", "Rei Sample"),
            )
        else:
            requests = (
                ("他社口座の有無のご確認", "2026-12-04"),
                ("計画と予算のご承認", "2026-12-11"),
                ("前年の申告書の写しのご提出", "2026-12-11"),
            )
            reviews = (
                ("2027-01-29", "本年の損出しと繰越損失の確認", "TE 2.0%", "例 玲"),
                ("2027-05-28", "乖離・費用・ご希望の点検", "TE 2.0%", "例 玲"),
            )
        for text, due in requests:
            self.add("requests", text, due)
        for due, what, limit, who in reviews:
            self.add("reviews", due, what, limit, who)
