"""Invented securities: names, codes, sectors. Any likeness to a listed company is chance.

Japanese codes are taken from numbers below 1300, which the Tokyo exchange has not given to
shares, or end in Q, a letter it does not use; US symbols start with ZZ, as no listed one does.
"""

from __future__ import annotations

__all__ = ["JP_ETFS", "JP_SECURITIES", "US_ETFS", "US_SECURITIES", "Security"]

from typing import NamedTuple


class Security(NamedTuple):
    """One invented security."""

    code: str
    name: str
    name_en: str
    sector: str
    sector_code: str
    sub_industry: str


_JP_SECTORS = (
    ("水産・農林業", "0050", "Fisheries"),
    ("建設業", "2050", "Construction"),
    ("食料品", "3050", "Foods"),
    ("化学", "3200", "Chemicals"),
    ("医薬品", "3250", "Pharmaceuticals"),
    ("鉄鋼", "3450", "Steel"),
    ("機械", "3600", "Machinery"),
    ("電気機器", "3650", "Electric Appliances"),
    ("輸送用機器", "3700", "Vehicles"),
    ("精密機器", "3750", "Precision"),
    ("電気・ガス業", "4050", "Power"),
    ("陸運業", "5050", "Railways"),
    ("海運業", "5100", "Shipping"),
    ("情報・通信業", "5250", "Communications"),
    ("卸売業", "6050", "Trading"),
    ("小売業", "6100", "Retail"),
    ("銀行業", "7050", "Bank"),
    ("保険業", "7150", "Insurance"),
    ("不動産業", "8050", "Estate"),
    ("サービス業", "9050", "Services"),
)
_JP_WORDS = (("見本", "Mihon"), ("架空", "Kakuu"), ("例題", "Reidai"))
_JP_TAIL = {
    "水産・農林業": "水産",
    "建設業": "建設",
    "食料品": "食品",
    "化学": "化学工業",
    "医薬品": "製薬",
    "鉄鋼": "製鋼",
    "機械": "機械製作所",
    "電気機器": "電機",
    "輸送用機器": "自動車",
    "精密機器": "精機",
    "電気・ガス業": "電力",
    "陸運業": "鉄道",
    "海運業": "海運",
    "情報・通信業": "通信",
    "卸売業": "商事",
    "小売業": "百貨店",
    "銀行業": "銀行",
    "保険業": "海上保険",
    "不動産業": "不動産",
    "サービス業": "サービス",
}


def _japanese() -> tuple[Security, ...]:
    found = []
    for n in range(60):
        sector, sector_code, english = _JP_SECTORS[n % 20]
        word, roman = _JP_WORDS[n // 20]
        code = str(1001 + n) if n < 54 else f"{105 + n - 54}Q"
        found.append(Security(code, word + _JP_TAIL[sector], f"{roman} {english}", sector, sector_code, ""))
    return tuple(found)


_US_SECTORS = (
    ("Information Technology", "Application Software", "Software"),
    ("Information Technology", "Semiconductors", "Semiconductors"),
    ("Financials", "Diversified Banks", "Bancorp"),
    ("Health Care", "Pharmaceuticals", "Therapeutics"),
    ("Health Care", "Health Care Equipment", "Devices"),
    ("Consumer Discretionary", "Apparel Retail", "Outfitters"),
    ("Consumer Staples", "Packaged Foods & Meats", "Provisions"),
    ("Communication Services", "Interactive Media & Services", "Media"),
    ("Industrials", "Industrial Machinery & Supplies & Components", "Machine Works"),
    ("Energy", "Oil & Gas Exploration & Production", "Petroleum"),
    ("Materials", "Specialty Chemicals", "Coatings"),
    ("Utilities", "Electric Utilities", "Power & Light"),
    ("Real Estate", "Office REITs", "Properties"),
    ("Financials", "Property & Casualty Insurance", "Insurance"),
    ("Industrials", "Air Freight & Logistics", "Freight"),
)
_US_WORDS = ("Aldermoor", "Brackwater", "Cindergate", "Dunmarrow")


def _american() -> tuple[Security, ...]:
    found = []
    for n in range(60):
        sector, sub_industry, tail = _US_SECTORS[n % 15]
        word = _US_WORDS[n // 15]
        code = f"ZZ{word[0]}{'ABCDEFGHIJKLMNO'[n % 15]}"
        if n == 2:
            code = "ZZAC.B"  # a class of shares, written with a dot or a dash
        found.append(Security(code, f"{word} {tail}", f"{word} {tail}", sector, "", sub_industry))
    return tuple(found)


JP_SECURITIES = _japanese()
JP_ETFS = (
    Security("1201", "見本上場投信 見本60指数", "Mihon ETF Sample 60", "その他", "9999", ""),
    Security("1202", "架空上場投信 見本60指数", "Kakuu ETF Sample 60", "その他", "9999", ""),
)
US_SECURITIES = _american()
US_ETFS = (Security("ZZETF", "Eskerholm Sample 60 ETF", "Eskerholm Sample 60 ETF", "", "", ""),)
