"""The page and its files: the same document everywhere, nothing from elsewhere, nothing inline."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from aml_plugins.server.api import create_api
from aml_plugins.server.console.pages import assets
from aml_plugins.server.serving import Server

SCRIPTS = sorted(name for name in assets().files if name.endswith(".js"))


@pytest.mark.parametrize("path", ["/aml", "/aml/", "/aml/workspaces/team-a", "/aml/workspaces/x/runs/y?tab=log"])
def test_every_address_gives_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>AML Plugins</title>" in answer.text
    assert "{{" not in answer.text


def test_the_page_trusts_itself_only(client: TestClient) -> None:
    policy = client.get("/aml/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_all_that_the_page_names_is_served_and_may_be_kept(client: TestClient) -> None:
    page = client.get("/aml/").text
    named = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert len(named) == 3 + len(SCRIPTS)
    for path in named:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_of_another_version_is_not_kept(client: TestClient) -> None:
    answer = client.get("/aml/assets/000000000000/console.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "path",
    ["index.html", "nothing.js", "../pages.py", "%2e%2e/pages.py", "js/../../pages.py", "/etc/passwd", "js", ""],
)
def test_no_other_file_is_served(client: TestClient, path: str) -> None:
    answer = client.get(f"/aml/assets/{assets().stamp}/{path}")
    assert "from __future__" not in answer.text
    assert answer.status_code == 404 or "<title>AML Plugins</title>" in answer.text


def test_the_page_lives_below_mlflows_static_prefix(server: Server) -> None:
    moved = replace(server, settings=replace(server.settings, static_prefix="/ml&flow"))
    with TestClient(create_api(moved)) as client:
        page = client.get("/ml&flow/aml/workspaces/team-a").text
        assert 'content="/ml&amp;flow/aml"' in page
        style = re.findall(r'href="([^"]+\.css)"', page)[0].replace("&amp;", "&")
        assert client.get(style).status_code == 200


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_no_html_of_texts_and_reaches_nobody_else(name: str) -> None:
    text = assets().files[name].decode()
    code = re.sub(r"//[^\n]*", "", text.replace("http://www.w3.org/2000/svg", ""))
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|DOMParser|https?:|srcdoc"
    assert re.findall(forbidden, code) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_files_that_are_there(name: str) -> None:
    folder = name.rpartition("/")[0].split("/")
    for wanted in re.findall(r'^import .*?"(\.[^"]+)"', assets().files[name].decode(), re.MULTILINE | re.DOTALL):
        parts = [*folder]
        for part in wanted.split("/"):
            if part == "..":
                parts.pop()
            elif part != ".":
                parts.append(part)
        assert "/".join(parts) in assets().files, wanted


def test_the_sheet_and_the_pictures_name_no_other_place() -> None:
    for name in ("console.css", "icon.svg", "index.html"):
        text = assets().files[name].decode().replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"https?:|url\(|@import|//\w+\.", text) == []
