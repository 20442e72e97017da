"""Read the pages: their code blocks, headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["EXECUTED", "PAGES", "ROOT", "Block", "anchors", "blocks", "links"]

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)])
EXECUTED = [page for page in PAGES if page.name == "README.md" or page.parent.name in {"tutorial", "how-to"}]
NOT_RUN = re.compile(r"<!--\s*not run:\s*(?P<reason>[^>]+?)\s*-->")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param line: where it begins in the page, from 1.
    :param not_run: why it is not executed, where the comment above it says so.
    """

    language: str
    text: str
    line: int
    not_run: str | None


@cache
def _tokens(page: Path) -> list[Token]:
    return MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page; ``<!-- not run: WHY -->`` right above excludes one."""
    before: Token | None = None
    for token in _tokens(page):
        if token.type == "fence":
            marker = NOT_RUN.fullmatch(before.content.strip()) if before and before.type == "html_block" else None
            assert token.map is not None
            yield Block(token.info.strip(), token.content, token.map[0] + 1, marker["reason"] if marker else None)
        before = token


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    tokens = _tokens(page)
    titles = [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[str]:
    """Yield where a page's links and images lead."""
    for token in _tokens(page):
        for child in token.children or []:
            target = child.attrGet("href") if child.type == "link_open" else child.attrGet("src")
            if child.type in {"link_open", "image"} and target:
                yield str(target)
