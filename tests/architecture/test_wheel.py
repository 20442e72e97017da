"""What lands in somebody's site-packages."""

from __future__ import annotations

import re


def test_the_top_levels_are_ours_and_no_generic_name(wheel_members):
    tops = {name.partition("/")[0] for name in wheel_members}
    info = {top for top in tops if re.fullmatch(r"aml_plugins-[^-]+\.dist-info", top)}
    assert len(info) == 1
    assert tops - info == {"aml_plugins", "aml_backends", "aml_airflow"}


def test_what_is_no_module_is_there_too(wheel_members):
    assert "aml_plugins/py.typed" in wheel_members
    console = "aml_plugins/server/console/assets/"
    assert {f"{console}index.html", f"{console}console.css", f"{console}js/main.js"} <= set(wheel_members)
    assert "aml_plugins/store/sql/migrations/script.py.mako" in wheel_members
    assert "aml_plugins/store/sql/migrations/env.py" in wheel_members
    assert any(re.match(r"aml_plugins/store/sql/migrations/versions/\d{4}_\w+\.py", name) for name in wheel_members)


def test_every_source_file_of_the_packages_is_in_the_wheel(wheel_members, tracked_files, root):
    packages = {root / "aml_plugins", root / "compute_backends" / "aml_backends", root / "providers" / "aml_airflow"}
    wanted = {
        file.relative_to(package.parent).as_posix()
        for package in packages
        for file in tracked_files
        if file.is_relative_to(package)
    }
    assert wanted
    assert wanted <= set(wheel_members)


def test_no_tests_and_no_caches(wheel_members):
    assert not [name for name in wheel_members if "__pycache__" in name or name.endswith(".pyc") or "/tests/" in name]
