"""The rule book of an index as text, in English or Japanese: every figure with its source.

Assembled from a rule card: objective, screens, selection, weighting, caps, calendar, events,
parameters, sources and what is judgement. Source: workbook sheet m13; methodology 2.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xlplugin.errors import InputError
from xlplugin.index.scheme import SCHEMES
from xlplugin.index.words import Words

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from xlplugin.core.dated import Row
    from xlplugin.index.recipe import RecipeText
    from xlplugin.index.rulecard import Parameter, RuleCard, Value

__all__ = ["CardRow", "card_rows", "rule_book"]

LANGUAGES = ("en", "ja")

_MARKS = {
    "read": Words("read", "確認済み"),
    "known": Words("known, check before quoting", "一般知識・要確認"),
    "computed": Words("computed", "計算値"),
    "judgement": Words("judgement of this product", "当方の判断"),
}

_HEADINGS = {
    "title": Words("Rule book", "方法論書"),
    "provider": Words("Provider", "提供者"),
    "as_of": Words("Rules in force on", "基準日"),
    "objective": Words("Objective", "目的"),
    "screens": Words("Screens, read from the top", "選定基準(上から順に適用)"),
    "selection": Words("Selection", "選定"),
    "weighting": Words("Weighting", "加重"),
    "capping": Words("Caps", "上限"),
    "calendar": Words("Reviews", "定期見直し"),
    "events": Words("Corporate actions", "権利・事象"),
    "discretion": Words("Discretion and limits of this card", "裁量と本カードの限界"),
    "parameters": Words("Parameters", "パラメータ"),
    "sources": Words("Sources", "出所"),
    "licence": Words("Licence", "利用許諾"),
    "none": Words("none", "なし"),
    "unknown": Words("no rule is known for this day", "この日の規則は不明"),
    "no_build": Words(
        "This card documents rules; no portfolio is built from it.",
        "本カードは規則の記録であり、ここからポートフォリオは構築しません。",
    ),
}

_LICENCE = Words(
    "Constituents, weights and levels belong to the provider; showing them to clients needs a licence.",
    "構成銘柄・ウエート・指数値は提供者に帰属し、顧客への提示には利用許諾が必要です。",
)

_SELECTIONS = {
    "ALL": Words("every name that passes the screens", "基準を満たす全銘柄"),
    "INCUMBENTS": Words(
        "the list is given (committee, provider or parent index)",
        "構成銘柄は与えられる(委員会・提供者・親指数)",
    ),
    "RANK": Words("by rank, with a buffer for constituents", "順位による選定(現構成銘柄に緩衝帯)"),
    "COVERAGE": Words("the largest names up to a cumulative share", "累積比率までの大型銘柄"),
    "BANDS": Words("size segments by cumulative share, with bands", "累積比率による規模区分(帯あり)"),
    "POINTS": Words("by points for ranks of several measures", "複数指標の順位点による選定"),
    "SECTOR_BALANCE": Words(
        "the most liquid names with a balance of sectors, few replacements at a time",
        "流動性上位からセクターの均衡をとり、少数ずつ入れ替える",
    ),
}

_CAPPINGS = {
    "NONE": Words("no cap", "上限なし"),
    "SINGLE": Words(
        "no name above the cap, the excess in proportion to the others", "一銘柄の上限。超過分は他に比例配分"
    ),
    "TIERS": Words(
        "a cap per issuer and one on the sum of the large issuers", "一発行体の上限と大型の合計の上限"
    ),
    "GROUPS": Words("caps on groups and names", "グループと銘柄の上限"),
    "STEPS": Words(
        "the cap ratio falls one step when the weight is above the cap",
        "上限を超えた銘柄のキャップ調整比率を一段階引き下げる",
    ),
}

_EVENTS = {
    "CAP": Words(
        "Splits and bonus issues change neither level nor divisor. Special dividends, rights below the "
        "price, share and float changes, additions and deletions move the divisor. Ordinary dividends "
        "enter the total return only.",
        "株式分割・無償割当では指数値も除数も変わらない。特別配当、時価より低い株主割当、株数・浮動株の変更、"
        "採用・除外では除数を調整する。普通配当は配当込み指数にのみ算入する。",
    ),
    "PAF": Words(
        "A split multiplies the price factor by its ratio; the divisor stays. Replacements, steps of the "
        "cap ratio, rights and special dividends move the divisor. Share issues do not matter.",
        "株式分割では株価換算係数に分割比率を掛け、除数は変えない。銘柄入替、キャップ調整比率の変更、"
        "株主割当、特別配当では除数を調整する。増資は影響しない。",
    ),
    "DIVISOR": Words(
        "Every theoretical price step (split, rights, special dividend, spin-off) and every replacement "
        "moves the divisor. Share issues do not matter.",
        "株式分割・株主割当・特別配当・分離独立などの理論的な価格変化と銘柄入替のすべてで除数を調整する。"
        "増資は影響しない。",
    ),
    "EQUAL": Words(
        "The weight factor offsets changes of shares and float; weights drift between reviews. Special "
        "dividends move the divisor; an addition takes the weight of the name it replaces.",
        "株数・浮動株の変更は調整株数係数が相殺し、見直しの間ウエートは変動する。特別配当では除数を調整し、"
        "採用銘柄は除外銘柄のウエートを引き継ぐ。",
    ),
}

_DAYS = {
    "first_session": Words("first session", "最初の営業日"),
    "last_session": Words("last session", "最終営業日"),
    "first_friday": Words("first Friday", "第1金曜日"),
    "second_friday": Words("second Friday", "第2金曜日"),
    "third_friday": Words("third Friday", "第3金曜日"),
    "fourth_friday": Words("fourth Friday", "第4金曜日"),
    "third_wednesday": Words("third Wednesday", "第3水曜日"),
}


class CardRow(NamedTuple):
    """One dated parameter as a table of rule cards shows it."""

    rule_id: str
    index_name: str
    rule_text: str
    parameter: str
    entry: str
    unit: str
    valid_from: dt.date
    valid_to: dt.date | None
    mark: str
    source: str


def card_rows(cards: Mapping[str, RuleCard], language: str) -> list[CardRow]:
    """Every parameter of every card, dated rows below each other.

    Parameters
    ----------
    cards : mapping of str to RuleCard
        From `rule_cards`.
    language : str
        "en" or "ja".

    Raises
    ------
    InputError
        If the language is another one.

    References
    ----------
    Workbook sheet m12.
    """
    _check(language)
    return [
        CardRow(
            f"{card.id}.{parameter.key}",
            card.name.say(language),
            _noted(parameter.title.say(language), row, language),
            parameter.key,
            _entry(row),
            parameter.unit,
            row.valid_from,
            row.valid_to,
            _MARKS[row.value.mark].say(language),
            "; ".join(row.source),
        )
        for card in cards.values()
        for parameter in card.parameters.values()
        for row in parameter.values.rows
    ]


def rule_book(card: RuleCard, language: str = "en", day: dt.date | None = None) -> str:
    """The rule book of a card as plain text.

    Parameters
    ----------
    card : RuleCard
        From `rule_cards`.
    language : str
        "en" or "ja".
    day : date, optional
        Describe the rules in force on this day; those of the last recipe if left out. The table of
        parameters always shows every dated value.

    Returns
    -------
    str
        Paragraphs with headings; every parameter with its id, value, unit, days, mark and sources.

    Raises
    ------
    InputError
        If the language is another one.

    References
    ----------
    Workbook sheet m13.

    Examples
    --------
    >>> from xlplugin.index.rulecard import rule_cards
    >>> print(rule_book(rule_cards()["topix"]).splitlines()[0])
    Rule book: TOPIX
    """
    _check(language)
    lines = [f"{_say('title', language)}: {card.name.say(language)}"]
    lines.append(f"{_say('provider', language)}: {card.provider}")
    if day is not None:
        lines.append(f"{_say('as_of', language)}: {day.isoformat()}")
    _section(lines, "objective", language, [card.objective.say(language)])
    text = _recipe(card, day)
    if not card.build:
        lines += ["", _say("no_build", language)]
    elif text is None:
        _section(lines, "selection", language, [_say("unknown", language)])
    else:
        say = _Figures(card, day)
        _section(lines, "screens", language, _screens(text, say, language))
        _section(lines, "selection", language, [_step(text.selection, _SELECTIONS, say, language)])
        _section(
            lines, "weighting", language, [f"{text.scheme}: {SCHEMES[text.scheme].formula.say(language)}"]
        )
        _section(lines, "capping", language, [_step(text.capping, _CAPPINGS, say, language)])
        _section(lines, "calendar", language, _calendar(text, say, language))
        _section(lines, "events", language, [_EVENTS[card.event_method].say(language)])
    if card.discretion.en:
        _section(lines, "discretion", language, [card.discretion.say(language)])
    _section(lines, "parameters", language, _parameters(card, language))
    _section(lines, "sources", language, [f"[{key}] {source}" for key, source in card.sources.items()])
    _section(lines, "licence", language, [_LICENCE.say(language)])
    return "\n".join(lines) + "\n"


def _check(language: str) -> None:
    if language not in LANGUAGES:
        raise InputError(f"language: {language!r} is not known; use en or ja")


def _say(key: str, language: str) -> str:
    return _HEADINGS[key].say(language)


def _section(lines: list[str], key: str, language: str, content: Sequence[str]) -> None:
    lines += ["", _say(key, language), *(f"  {line}" for line in content or [_say("none", language)])]


def _recipe(card: RuleCard, day: dt.date | None) -> RecipeText | None:
    rows = card.recipes.rows
    if day is None:
        return rows[-1].value if rows else None
    return next(
        (r.value for r in rows if r.valid_from <= day and (r.valid_to is None or day <= r.valid_to)), None
    )


class _Figures:
    """Prints what stands on a card: words as they are, ``@key`` as the figure in force and its id."""

    def __init__(self, card: RuleCard, day: dt.date | None) -> None:
        self.card, self.day = card, day

    def __call__(self, value: object) -> str:
        if isinstance(value, (list, tuple)):
            return ", ".join(map(str, value))
        if not (isinstance(value, str) and value.startswith("@")):
            return str(value)
        rows = self.card.parameters[value[1:]].values.rows
        known = [r for r in rows if self.day is None or _in_force(r, self.day)]
        return f"{_entry(known[-1]) if known else '?'} [{value[1:]}]"


def _in_force(row: Row[Value], day: dt.date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)


def _screens(text: RecipeText, say: _Figures, language: str) -> list[str]:
    keep = Words("a constituent", "現構成銘柄").say(language)
    return [
        f"{number}. {s['field']} {s['operator']} {say(s.get('entry', ''))}"
        + (f"; {keep}: {say(s['keep'])}" if "keep" in s else "")
        + f" -> {s.get('code', s['field'])}"
        for number, s in enumerate(text.screens, start=1)
    ]


def _step(step: Mapping[str, object], words: Mapping[str, Words], say: _Figures, language: str) -> str:
    method = str(step["method"])
    details = ", ".join(f"{k} = {say(v)}" for k, v in step.items() if k != "method")
    return f"{method}: {words[method].say(language)}" + (f" ({details})" if details else "")


def _calendar(text: RecipeText, say: _Figures, language: str) -> list[str]:
    c = text.calendar
    if not c:
        return []
    effective = _DAYS[c["effective"]].say(language)
    others = [(m, _DAYS[d].say(language)) for m, d in c.get("exceptions", {}).items()]
    before = c.get("base_months_before", 0)
    base = _DAYS[c["base"]].say(language) if "base" in c else ""
    closing = c.get("timing", "close") == "close"
    if language == "ja":
        effective += f"({'、'.join(f'{m}月は{d}' for m, d in others)})" if others else ""
        when = "の終値後" if closing else "の寄付き前"
        past = f"{before}か月前の" if before else "同月の"
        return [f"月:{say(c['months'])}。適用:{effective}{when}。データ:{past + base if base else '適用日'}"]
    effective += f" (month {', '.join(f'{m}: {d}' for m, d in others)})" if others else ""
    when = "after the close of" if closing else "before the open of"
    past = f", {before} months before" if before else " of the same month"
    data = f"data of the {base}{past}" if base else "data of that day"
    return [f"months {say(c['months'])}; effective {when} the {effective}; {data}"]


def _parameters(card: RuleCard, language: str) -> list[str]:
    names = {source: key for key, source in card.sources.items()}
    return [
        _parameter_line(card, parameter, row, names, language)
        for parameter in card.parameters.values()
        for row in parameter.values.rows
    ]


def _parameter_line(
    card: RuleCard, parameter: Parameter, row: Row[Value], names: Mapping[str, str], language: str
) -> str:
    days = _span(row, language)
    cited = ", ".join(names[source] for source in row.source)
    unit = f" {parameter.unit}" if parameter.unit else ""
    title = _noted(parameter.title.say(language), row, language)
    return (
        f"{card.id}.{parameter.key}: {title} = {_entry(row)}{unit} | {days} | "
        f"{_MARKS[row.value.mark].say(language)} | [{cited}]"
    )


def _span(row: Row[Value], language: str) -> str:
    start, end = row.valid_from.isoformat(), row.valid_to.isoformat() if row.valid_to else ""
    if language == "ja":
        return f"{start}〜{end}"
    return f"from {start} to {end}" if end else f"from {start}"


def _noted(title: str, row: Row[Value], language: str) -> str:
    note = row.value.note.say(language)
    return f"{title} ({note})" if note else title


def _entry(row: Row[Value]) -> str:
    figure = row.value.figure
    items = figure if isinstance(figure, tuple) else (figure,)
    return ", ".join(f"{x:.15g}" if isinstance(x, float) else str(x) for x in items)
