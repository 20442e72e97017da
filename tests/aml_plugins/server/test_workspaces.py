"""Workspaces over REST."""

from __future__ import annotations

import pytest


def test_a_workspace_is_created_listed_shown_and_deleted(client):
    made = client.post("/workspaces", json={"name": "team-a", "description": "Iris"})
    assert (made.status_code, made.json()["settings"]) == (201, {})
    assert [item["name"] for item in client.get("/workspaces").json()["items"]] == ["default", "team-a"]
    assert client.get("/workspaces/team-a").json() == made.json()
    assert client.delete("/workspaces/team-a", headers={"X-AML-Request": "1"}).status_code == 204
    assert client.get("/workspaces/team-a").status_code == 404


def test_a_taken_name_is_refused(client):
    client.post("/workspaces", json={"name": "team-a"})
    again = client.post("/workspaces", json={"name": "team-a"})
    assert (again.status_code, again.json()["error_code"]) == (409, "already_exists")


@pytest.mark.parametrize("name", ["A b", "..", "x" * 64, "-a", "\0"])
def test_a_bad_name_is_refused(client, name):
    refused = client.post("/workspaces", json={"name": name})
    assert refused.status_code == 400
    assert set(refused.json()) == {"error_code", "message", "fix"}


def test_workspaces_come_in_pages(client):
    for letter in "edcba":
        client.post("/workspaces", json={"name": f"team-{letter}"})
    names, token = [], None
    while True:
        page = client.get("/workspaces", params={"limit": 2} | ({"page_token": token} if token else {})).json()
        names += [item["name"] for item in page["items"]]
        token = page["next_page_token"]
        if not token:
            break
    assert names == ["default", "team-a", "team-b", "team-c", "team-d", "team-e"]


@pytest.mark.parametrize("token", ["x", "bnVsbA", "WzFd", "é", "a" * 900, ""])
def test_a_token_of_nobody_is_refused(client, token):
    assert client.get("/workspaces", params={"page_token": token}).status_code == 400


def test_settings_are_changed_only_as_they_were_read(client):
    client.post("/workspaces", json={"name": "team-a"})
    tag = client.get("/workspaces/team-a").headers["ETag"]
    url, changed = "/workspaces/team-a/settings", {"settings": {"default_datastore": "files"}}
    stored = client.put(url, json=changed, headers={"If-Match": tag})
    assert (stored.status_code, stored.json()["settings"]) == (200, changed["settings"])
    stale = client.put(url, json={"settings": {}}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["error_code"]) == (412, "precondition_failed")
    assert client.get("/workspaces/team-a").headers["ETag"] == stored.headers["ETag"]


def test_settings_are_made_once(client):
    url = "/workspaces/default/settings"
    assert client.put(url, json={"settings": {}}).status_code == 404
    new = {"If-None-Match": "*"}
    assert client.put(url, json={"settings": {"a": 1}}, headers=new).status_code == 200
    assert client.put(url, json={"settings": {"a": 2}}, headers=new).status_code == 409
    assert client.delete(url, headers={"X-AML-Request": "1"}).status_code == 204
    assert client.get("/workspaces/default").json()["settings"] is None
