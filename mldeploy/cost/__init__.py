"""What a deployment costs before it exists. Pure: no network, no clock, no cloud's name.

    spec, flags ─▶ Workload ─┐
    measurement ─▶ Timing ───┼─packing─▶ Usage ─provider.quantities─▶ Quantity… ─billing─▶ Bill ─compare─▶ table, report
    provider ────▶ Option ───┘                          prices.toml ─book─▶ Tariff ──┘

Quantities do not depend on the region, tariffs do not depend on the size: each is made once, only their product is large.
Money is `Decimal` from the price book to the last line; nothing is rounded before it is shown.
"""
