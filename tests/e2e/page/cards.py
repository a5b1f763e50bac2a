"""The card of a metric in the page."""

from __future__ import annotations

from typing import Any

__all__ = ["card"]


def card(page: Any, metric: str, said: str = "point") -> Any:
    """Once it says so of its points, and they are drawn. (Waits by locators: the page's policy forbids eval.)"""
    page.locator(f'[data-metric="{metric}"]').first.scroll_into_view_if_needed()  # it is made when it is near the view
    figure = page.locator(f'figure[aria-label="{metric}"]').first
    figure.wait_for()
    figure.scroll_into_view_if_needed()
    figure.locator(".points", has_text=said).wait_for()
    figure.locator(".plot .drawn").wait_for()
    return figure
