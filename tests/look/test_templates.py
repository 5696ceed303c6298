"""Every template, as text: no script but for those signed in, no picture, nothing from elsewhere."""

import re
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PAGES = sorted(TEMPLATES.rglob("*.html"))


def where(pattern: str) -> list[str]:
    """The templates whose markup, comments aside, matches `pattern`."""
    return [
        str(page.relative_to(TEMPLATES))
        for page in PAGES
        if re.search(pattern, re.sub(r"\{#.*?#\}", "", page.read_text()), flags=re.IGNORECASE)
    ]


def test_only_the_signed_in_and_their_second_factor_load_scripts() -> None:
    # Passkeys cannot do without one; nobody who asks ever meets these pages.
    with_account = ("signed_in.html", "account/", "mfa/", "volunteers/profile.html")

    assert [page for page in where(r"<script|htmx_script") if not page.startswith(with_account)] == []


def test_no_template_draws_svg() -> None:
    assert where(r"<svg|\.svg\b|image/svg") == []


def test_no_template_points_elsewhere() -> None:
    assert where(r"""(?:src|href|action)=["']?(?:https?:)?//|data:""") == []


def test_no_template_has_style_or_handlers_that_the_policy_would_refuse() -> None:
    assert where(r"<style|\sstyle=|\son[a-z]+=|\shx-on|javascript:") == []


def test_no_template_refreshes_itself_by_a_meta_element() -> None:
    assert where(r"""http-equiv=["']?refresh""") == []
