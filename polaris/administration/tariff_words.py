"""Prices in the words of the audit log, and their windows as a person types them."""

from __future__ import annotations

from polaris.domain import window_text
from polaris.domain.tariff import Prices


def window_lines(prices: Prices) -> tuple[str, ...]:
    """Return the windows of prices as a person types them."""
    windows = prices.schedule.windows if prices.schedule is not None else ()
    return tuple(window_text.line(window, prices.per_minute) for window in windows)


def detail(prices: Prices) -> str:
    """Return all prices, in one line."""
    parts = [
        prices.currency,
        f"per_kwh: {prices.per_kwh}",
        f"per_minute: {prices.per_minute}",
        f"per_session: {prices.per_session}",
        f"tax_percent: {prices.tax_percent}",
    ]
    if prices.idle_per_minute:
        parts.append(f"idle_per_minute: {prices.idle_per_minute} after {prices.idle_grace_s} s")
    if prices.schedule is not None:
        parts.append(f"windows in {prices.schedule.zone}: {'; '.join(window_lines(prices))}")
    return ", ".join(parts)
