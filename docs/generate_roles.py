"""Write docs/reference/roles.md from what the server decides by: python docs/generate_roles.py."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from aml_plugins.server.access import Action, Role
from aml_plugins.server.mlflow_routes import Kind, mlflow_routes
from aml_plugins.server.role_grants import DESCRIPTIONS, GRANTS
from aml_plugins.server.route_actions import ROUTES

PAGE = Path(__file__).parent / "reference" / "roles.md"
INTRODUCTION = """\
# Roles

<!-- Written by docs/generate_roles.py; do not edit. -->

On a server that asks who its users are, somebody is nobody, reader, contributor or owner of a workspace; administrators
are owners everywhere, and create and delete workspaces and users. Roles are MLflow's, of the workspace:

| role | what for | permissions, each on all things of its kind in the workspace |
|---|---|---|
{roles}

Whoever makes an experiment, a model, a prompt, a scorer or a part of the gateway gets `MANAGE` on it from MLflow,
for as long as they are contributors. Roles and direct permissions of your own, made with MLflow, hold too: for
MLflow's routes as MLflow says, for ours as the nearest of these roles. `aml workspace share` and `unshare` take them
from the user.

To somebody without a role a workspace is not there: every answer is the one for a name that nobody has taken.

## Our REST API

| action | who | routes |
|---|---|---|
{ours}

## MLflow's routes

Each is served below `/api` and, for browsers, below `/ajax-api`. A route that stands in none of these tables,
such as a new one of a newer MLflow, is for administrators.

{mlflow}"""
WHO = {
    Action.ENTER: "every user; things of workspaces as below",
    Action.READ: "reader",
    Action.CONTRIBUTE: "contributor",
    Action.OWN: "owner",
    Action.ADMINISTER: "administrator",
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as it should be."""
    return INTRODUCTION.format(roles=_roles(), ours=_ours(), mlflow="\n".join(_section(kind) for kind in Kind))


def _roles() -> str:
    rows = [(role, GRANTS[role]) for role in (Role.OWNER, Role.CONTRIBUTOR, Role.READER)]
    return "\n".join(
        f"| {role.name.capitalize()} | {DESCRIPTIONS[role]} | {_permissions(grants)} |" for role, grants in rows
    )


def _permissions(grants: dict[str, str]) -> str:
    kinds: dict[str, list[str]] = defaultdict(list)
    for kind, permission in grants.items():
        kinds[permission].append(f"`{kind}`")
    return "; ".join(f"`{permission}` on {', '.join(names)}" for permission, names in kinds.items())


def _ours() -> str:
    routes: dict[Action, list[str]] = defaultdict(list)
    for name, action in ROUTES.items():
        routes[action].append(f"`{name}`")
    return "\n".join(f"| {action.value} | {WHO[action]} | {', '.join(sorted(routes[action]))} |" for action in Action)


def _section(kind: Kind) -> str:
    rows = "\n".join(f"| {method} | `{path}` |" for method, path, found in mlflow_routes() if found is kind)
    return f"### {kind.value[0].upper()}{kind.value[1:]}\n\n| | |\n|---|---|\n{rows}\n"


if __name__ == "__main__":
    main()
