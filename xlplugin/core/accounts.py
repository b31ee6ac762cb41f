"""Accounts, their owners, and account kinds: what the kind does to a gain or loss.

The table is section 6 of the tax specification. `AccountKind.of` reads what a cell holds.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.errors import WordError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

__all__ = ["Account", "AccountKind", "Household", "KindFacts", "Taxpayer"]


class KindFacts(NamedTuple):
    """What follows from an account kind."""

    regime: str
    currency: str
    market: str
    pooled_by: str  # "owner", "account" or "lot"
    loss_counts: bool
    words: tuple[str, ...]


class AccountKind(StrEnum):
    """The kinds of account the tax rules tell apart."""

    JP_IPPAN = "JP_IPPAN"
    JP_TOKUTEI_NO_WH = "JP_TOKUTEI_NO_WH"
    JP_TOKUTEI_WH = "JP_TOKUTEI_WH"
    JP_NISA = "JP_NISA"
    JP_IDECO = "JP_IDECO"
    JP_CORP = "JP_CORP"
    US_TAXABLE = "US_TAXABLE"
    US_IRA = "US_IRA"
    US_ROTH = "US_ROTH"
    US_401K = "US_401K"

    @property
    def facts(self) -> KindFacts:
        """What follows from this kind."""
        return _FACTS[self]

    @property
    def is_japanese(self) -> bool:
        """Whether a Japanese regime taxes the account."""
        return self.value.startswith("JP_")

    @property
    def is_retirement(self) -> bool:
        """A US account whose purchases destroy a loss elsewhere."""
        return self in {AccountKind.US_IRA, AccountKind.US_ROTH, AccountKind.US_401K}

    @classmethod
    def of(cls, word: str) -> AccountKind:
        """The kind that `word` names: a code, or one of the words accepted.

        Raises
        ------
        WordError
            If the word names no kind.

        Examples
        --------
        >>> AccountKind.of("特定（源泉徴収あり）").value, AccountKind.of("roth ira").value
        ('JP_TOKUTEI_WH', 'US_ROTH')
        """
        try:
            return _BY_WORD[_plain(word)]
        except KeyError:
            raise WordError("account_kind", got=word, choices=tuple(k.value for k in cls)) from None


def _plain(word: str) -> str:
    folded = unicodedata.normalize("NFKC", str(word)).casefold()
    return "".join(c for c in folded if c not in " _-・()[]")


_FACTS = {
    AccountKind.JP_IPPAN: KindFacts(
        "jp.individual", "JPY", "XTKS", "owner", True, ("一般", "一般口座", "一般預り")
    ),
    AccountKind.JP_TOKUTEI_NO_WH: KindFacts(
        "jp.individual",
        "JPY",
        "XTKS",
        "account",
        True,
        ("特定(源泉徴収なし)", "特定(源泉なし)", "特定・源泉なし", "簡易申告口座"),
    ),
    AccountKind.JP_TOKUTEI_WH: KindFacts(
        "jp.individual",
        "JPY",
        "XTKS",
        "account",
        True,
        ("特定", "特定口座", "特定(源泉徴収あり)", "特定(源泉あり)", "特定・源泉あり"),
    ),
    AccountKind.JP_NISA: KindFacts(
        "jp.individual", "JPY", "XTKS", "account", False, ("NISA", "成長投資枠", "つみたて投資枠")
    ),
    AccountKind.JP_IDECO: KindFacts(
        "jp.individual", "JPY", "XTKS", "account", False, ("iDeCo", "確定拠出年金")
    ),
    AccountKind.JP_CORP: KindFacts("jp.corporate", "JPY", "XTKS", "owner", True, ("法人", "法人口座")),
    AccountKind.US_TAXABLE: KindFacts("us.taxable", "USD", "XNYS", "lot", True, ("taxable",)),
    AccountKind.US_IRA: KindFacts("us.taxable", "USD", "XNYS", "lot", False, ("IRA",)),
    AccountKind.US_ROTH: KindFacts("us.taxable", "USD", "XNYS", "lot", False, ("Roth", "Roth IRA")),
    AccountKind.US_401K: KindFacts("us.taxable", "USD", "XNYS", "lot", False, ("401(k)",)),
}
_BY_WORD = {_plain(word): kind for kind, facts in _FACTS.items() for word in (kind.value, *facts.words)}


@dataclass(frozen=True, slots=True)
class Account:
    """One account at one broker; `sma` marks a discretionary account (Japan: cost method differs)."""

    id: str
    kind: AccountKind
    owner_id: str = ""
    household_id: str = ""
    broker_id: str = ""
    sma: bool = False
    opened: dt.date | None = None
    withholding_choice: Mapping[int, bool] = field(default_factory=dict, hash=False)

    @property
    def currency(self) -> str:
        """The tax currency of the account."""
        return self.kind.facts.currency

    @property
    def regime(self) -> str:
        """The regime that taxes the account."""
        return self.kind.facts.regime


@dataclass(frozen=True, slots=True)
class Taxpayer:
    """A person or a corporation, as far as tax rules ask.

    `filing_status` is SINGLE, MFJ, MFS, HOH or QSS in the US. `files_each_year` says for which years
    a return was filed. `corporate_method` is MOVING or TOTAL (法人税法施行令119条の2).
    """

    id: str = ""
    corporation: bool = False
    residence: str = "JP"
    us_person: bool = False
    filing_status: str = "SINGLE"
    spouse_id: str = ""
    files_each_year: Mapping[int, bool] = field(default_factory=dict, hash=False)
    large_holder_issuers: frozenset[str] = frozenset()
    fiscal_year_end: tuple[int, int] = (12, 31)
    corporate_method: str = "MOVING"
    elects_contract_date: bool = False


@dataclass(frozen=True, slots=True)
class Household:
    """The people whose purchases count together, and whether all their accounts are known."""

    id: str
    accounts: tuple[Account, ...]
    complete: bool = False
