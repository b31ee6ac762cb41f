"""COST_VEHICLES: direct index, fund and ETF on one page (methodology 3.1, 3.4 and 8.A)."""

from __future__ import annotations

from typing import Annotated, Any

from udfs.fund_audit import CHOSEN, HEADER, RATE
from xlplugin.cost.real_cost import RealCost
from xlplugin.engines.vehicles import SCENARIOS, Harvest, Vehicle, compare_vehicles
from xlplugin.errors import MissingError
from xlplugin.worksheet.kinds import (
    Column,
    Help,
    Kind,
    Option,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    TableSchema,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = ["cost_vehicles"]

VEHICLES = TableSchema(
    "VEHICLES",
    "保有形態表",
    (
        Column("vehicle", ("保有形態", "形態"), Kind.TEXT, required=True),
        Column("ter", ("信託報酬", "信託報酬(税込)"), Kind.NUMBER, required=True),
        Column("other_cost", ("その他費用",), Kind.NUMBER, default=0.0),
        Column("execution_cost", ("売買執行コスト",), Kind.NUMBER, default=0.0),
        Column("dividend_loss", ("税引後配当ロス",), Kind.NUMBER, default=0.0, also=("Dividend tax loss",)),
        Column("hedge_cost", ("為替ヘッジコスト",), Kind.NUMBER, default=0.0),
        Column("lending_income", ("証券貸付収益",), Kind.NUMBER, default=0.0),
        Column("tracking_error", ("追跡誤差", "TE"), Kind.NUMBER, required=True, also=("te_planning", "te")),
        Column("uses_losses", ("損失の利用",), Kind.FLAG, default=False),
    ),
    lenient=False,
)

VEHICLE_OPTIONS = OptionSchema(
    (
        Option("amount", ("金額",), Kind.NUMBER, 10_000_000.0),
        Option("growth", ("成長率",), Kind.NUMBER, 0.05),
        Option("years", ("年数",), Kind.WHOLE, 10),
        RATE,
        Option("harvest", ("初年の損出し率",), Kind.NUMBER, 0.03, between=(0, 1)),
        Option("fade", ("損出しの減衰",), Kind.NUMBER, 0.7, between=(0, 1)),
        Option("use_low", ("利用率(低)",), Kind.NUMBER, 0.0, between=(0, 1)),
        Option("use_base", ("利用率(中)",), Kind.NUMBER, 0.5, between=(0, 1)),
        Option("use_high", ("利用率(高)",), Kind.NUMBER, 1.0, between=(0, 1)),
        Option("discount", ("割引率",), Kind.NUMBER, 0.0, between=(0, 1)),
        Option("confidence", ("信頼度",), Kind.NUMBER, 0.95),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)


@worksheet_function(
    "COST_VEHICLES",
    category="Cost",
    ja="保有形態の比較",
    help_ja="直接保有・投資信託・ETFなどの実質コスト、指数との差の範囲、税効果(低・中・高)、売却・税引後の資産を並べて返します。",
    columns={
        "vehicle": "保有形態",
        "real_cost": "実質コスト",
        "money_a_year": "年額",
        "range_one_low": "1年の差(下限)",
        "range_one_high": "1年の差(上限)",
        "range_five_low": "5年の差(下限)",
        "range_five_high": "5年の差(上限)",
        "tax_low": "税効果(低)",
        "tax_base": "税効果(中)",
        "tax_high": "税効果(高)",
        "wealth_low": "税引後資産(低)",
        "wealth_base": "税引後資産(中)",
        "wealth_high": "税引後資産(高)",
    },
    source="methodology 3.1, 3.4, 8.A (A6, A8)",
)
def cost_vehicles(
    vehicles: Annotated[
        Records,
        Help(
            "One row per vehicle: vehicle, the six cost components, tracking_error, uses_losses (0/1)",
            "保有形態・費用6項目・追跡誤差・損失の利用(0/1)",
        ),
        VEHICLES,
    ],
    options: Annotated[
        OptionalSettings,
        Help(
            "amount, growth, years, tax_rate, harvest, fade, use_low/base/high, discount, confidence",
            "金額・成長率・年数・税率・損出し率・減衰・利用率・割引率・信頼度",
        ),
        VEHICLE_OPTIONS,
    ] = None,
) -> Spill:
    """Direct index, fund and ETF side by side: real cost, range against the index, tax effect, wealth.

    The tax effect is tax deferred less the later tax on the lower cost, in three scenarios of use; only a
    vehicle with uses_losses = 1 has one. Wealth is after the sale and its tax at the end of the years.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> rows = [["vehicle", "ter", "tracking_error", "uses_losses"], ["fund", 0.002, 0.001, 0.0]]
    >>> table = cost_vehicles(read_table(block(rows), VEHICLES, "vehicles"))
    >>> table.rows[0][:3], round(table.rows[0][8])
    (['fund', 0.002, 20000.0], 0)
    """
    if not len(vehicles):
        raise MissingError("vehicles: the table has no rows; enter at least one vehicle")
    settings = VEHICLE_OPTIONS.defaults() | (options or {})
    use = tuple(settings[f"use_{name}"] for name in SCENARIOS)
    done = compare_vehicles(
        [_vehicle(row) for row in vehicles.records()],
        settings["amount"],
        growth=settings["growth"],
        years=settings["years"],
        tax_rate=settings["tax_rate"],
        harvest=Harvest(
            settings["harvest"], settings["fade"], settings["tax_rate"], (use[0], use[1], use[2])
        ),
        horizons=(1.0, 5.0),
        confidence=settings["confidence"],
        discount=settings["discount"],
    )
    rows: list[list[Any]] = [
        [
            one.vehicle.name,
            one.real_cost,
            one.money_a_year,
            *(bound for _, *bounds in one.ranges for bound in bounds),
            *(effect.net for effect in one.tax),
            *(outlook.after_sale for outlook in one.outlook),
        ]
        for one in done
    ]
    return Spill(
        (
            "vehicle",
            "real_cost",
            "money_a_year",
            "range_one_low",
            "range_one_high",
            "range_five_low",
            "range_five_high",
            *(f"tax_{name}" for name in SCENARIOS),
            *(f"wealth_{name}" for name in SCENARIOS),
        ),
        rows,
    )


def _vehicle(row: dict[str, Any]) -> Vehicle:
    if missing := [key for key in ("vehicle", "ter", "tracking_error") if row[key] is None]:
        raise MissingError(f"vehicles, row {row['row']}: {missing[0]} is blank")
    cost = RealCost(
        row["ter"],
        row["other_cost"],
        row["execution_cost"],
        row["dividend_loss"],
        row["hedge_cost"],
        row["lending_income"],
    )
    return Vehicle(row["vehicle"], cost, row["tracking_error"], uses_losses=bool(row["uses_losses"]))
