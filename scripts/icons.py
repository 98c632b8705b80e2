"""The icons that systems want as PNG, drawn from static/icon.svg by Chromium: static/icons/.

Run it with `.venv/bin/python -m scripts.icons` after the drawing has changed.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.support import chromium

STATIC = Path(__file__).parents[1] / "static"
SKY = "#0f1d3a"
SAFE = 0.8  # of a maskable icon: the system may cut off the rest
ICONS = {  # the size, how much of it the drawing takes, and what is behind it
    "icon-192.png": (192, 1.0, "transparent"),
    "icon-512.png": (512, 1.0, "transparent"),
    "maskable-512.png": (512, SAFE, SKY),
    "apple-touch-180.png": (180, SAFE, SKY),
}


def main() -> None:
    drawing = (STATIC / "icon.svg").read_text()
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for name, (size, share, ground) in ICONS.items():
            (STATIC / "icons" / name).write_bytes(draw(browser, drawing, size, share, ground))
        browser.close()


def draw(browser: Browser, drawing: str, size: int, share: float, ground: str) -> bytes:
    page = browser.new_page(viewport={"width": size, "height": size})
    style = f"display: block; margin: {size * (1 - share) / 2}px; width: {size * share}px"
    page.set_content(drawing.replace("<svg", f'<svg style="{style}"', 1))
    page.add_style_tag(content=f"html, body {{ margin: 0; overflow: hidden; background: {ground} }}")
    return page.screenshot(omit_background=True)


if __name__ == "__main__":
    main()
