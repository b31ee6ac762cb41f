"""What tax takes from dividends on the way to a holder in Japan, as a yearly drag.

These are drag formulas for comparing vehicles; the exact yen amounts of a payment, and the dated
rates, belong to the tax package. Methodology 3.5.
"""

from __future__ import annotations

from xlplugin.errors import DomainError, WordError

__all__ = ["ROUTES", "dividend_loss", "effective_rate"]

ROUTES = ("DIRECT", "CREDIT", "ACCUMULATE", "FUND")

# 15 % income tax and its 2.1 % surtax: the part of 20.315 % against which a foreign tax can be
# credited. The total is unchanged from 2027 although its parts move. The other 5 % are resident
# tax, whose credit is left out: the cautious reading of methodology 3.5.
_CREDITABLE_SOURCE = 0.15315
_RESIDENT_TAX = 0.05


def effective_rate(source: float, fund: float = 0.0, tax: float = 0.20315, mode: str = "DIRECT") -> float:
    """The part of a dividend that tax takes, on one of four routes.

    Parameters
    ----------
    source : float
        Tax withheld where the company sits, as a fraction of the dividend.
    fund : float
        Tax inside the fund, as a fraction of what arrives there (FUND only).
    tax : float
        The holder's rate at home.
    mode : {"DIRECT", "CREDIT", "ACCUMULATE", "FUND"}
        DIRECT: source tax, then home tax on the rest. CREDIT: the source tax is credited in full up
        to 15.315 %. ACCUMULATE: only the source tax now, home tax deferred. FUND: three layers.

    Returns
    -------
    float
        Fraction of the gross dividend.

    Raises
    ------
    DomainError
        If a rate is outside 0 to 1.
    WordError
        If `mode` is unknown.

    Examples
    --------
    >>> [round(effective_rate(0.10, mode=m), 6) for m in ("DIRECT", "CREDIT", "ACCUMULATE")]
    [0.282835, 0.20315, 0.1]
    """
    for name, rate in (("source", source), ("fund", fund), ("tax", tax)):
        if not 0.0 <= rate <= 1.0:
            raise DomainError(f"{name}: {rate:g} is not a tax rate between 0 and 1")
    if mode == "DIRECT":
        return 1.0 - (1.0 - source) * (1.0 - tax)
    if mode == "CREDIT":
        return tax if source <= _CREDITABLE_SOURCE else source + _RESIDENT_TAX
    if mode == "ACCUMULATE":
        return source
    if mode == "FUND":
        return 1.0 - (1.0 - source) * (1.0 - fund) * (1.0 - tax)
    raise WordError("mode", got=mode, choices=ROUTES)


def dividend_loss(
    dividend_yield: float, source: float, fund: float = 0.0, tax: float = 0.20315, mode: str = "DIRECT"
) -> float:
    """`effective_rate` x yield: the drag of dividend tax, as a fraction of the holding per year.

    Examples
    --------
    >>> round(dividend_loss(0.015, 0.10), 6)
    0.004243
    """
    return dividend_yield * effective_rate(source, fund, tax, mode)
