"""Takes pictures of pages, to be looked at by a person: 320 px and desktop, light and dark.

    python tests/browser/look.py --out FOLDER URL [URL ...]

A URL is http://… of a running server, or file:///… of a saved page. Prints each picture's path,
and a line for every page that scrolls sideways or asks for anything from another origin.
"""

import argparse
import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Request, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
WIDTHS = {"phone": 320, "desktop": 1280}
SCHEMES = ("light", "dark")


def look(browser: Browser, url: str, out: Path, width: str, scheme: str) -> Path:
    """One picture of `url`, as <page>-<width>-<scheme>.png in `out`; says what is wrong with it."""
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 640 if width == "phone" else 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=False,
    )
    page = context.new_page()
    foreign: list[str] = []
    page.on("request", lambda request: note_foreign(request, url, foreign))
    page.goto(url)
    path = out / f"{name_of(url)}-{width}-{scheme}.png"
    page.screenshot(path=path, full_page=True)
    for complaint in complaints(page, foreign):
        print(f"{path.name}: {complaint}")
    context.close()
    return path


def note_foreign(request: Request, url: str, foreign: list[str]) -> None:
    """Remembers a request that leaves the page's own origin."""
    if urlsplit(request.url)[:2] != urlsplit(url)[:2]:
        foreign.append(request.url)


def complaints(page: Page, foreign: list[str]) -> list[str]:
    """What a machine can see: sideways scrolling, and requests to elsewhere."""
    found = [f"asks elsewhere: {url}" for url in foreign]
    page.mouse.wheel(400, 0)
    page.wait_for_timeout(50)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        found.append(f"scrolls sideways by {wide} px")
    return found


def name_of(url: str) -> str:
    """A file name from the path of `url`."""
    return (
        re.sub(r"\W+", "-", urlsplit(url).path.removesuffix(".html").rsplit("/out/", 1)[-1]).strip("-")
        or "home"
    )


def main() -> None:
    """Every URL, in every width and scheme."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for url in arguments.urls:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    print(look(browser, url, arguments.out, width, scheme))
        browser.close()


if __name__ == "__main__":
    main()
