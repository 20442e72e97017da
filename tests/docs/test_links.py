"""Every link inside the repository leads somewhere."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from documentation import PAGES, ROOT, anchors, links

INSIDE = [
    (page, target)
    for page in PAGES
    for target in links(page)
    if not target.startswith(("http://", "https://", "mailto:"))
]


@pytest.mark.parametrize(
    ("page", "target"), INSIDE, ids=[f"{page.relative_to(ROOT)}-{target}" for page, target in INSIDE]
)
def test_a_link_leads_somewhere(page, target):
    path, _, anchor = unquote(target).partition("#")
    found = (page.parent / path).resolve() if path else page
    assert found.exists(), f"{page.relative_to(ROOT)}: there is no {path}"
    assert found.is_relative_to(ROOT)
    if anchor:
        assert anchor in anchors(found)


def test_there_are_links_to_check():
    assert {page.name for page, _ in INSIDE} >= {"README.md", "ARCHITECTURE.md"}


def test_pictures_are_shown_and_small():
    pictures = {path.resolve() for path in (ROOT / "docs" / "tutorial" / "images").iterdir()}
    shown = {(page.parent / target).resolve() for page, target in INSIDE if target.endswith(".png")}
    assert pictures <= shown
    assert all(path.stat().st_size < 300_000 for path in shown)
