"""Our way to find distributions finds what ``importlib.metadata`` finds."""

from __future__ import annotations

import shutil
import sys
import zipfile
from importlib import metadata

import pytest

from aml_plugins.plugins.info_directory import EntryPoint
from aml_plugins.plugins.installed import distributions_with

FIND = """
from aml_plugins.plugins.installed import distributions_with
answer = [[each.metadata["Name"], each.metadata["Version"]] for each in distributions_with("aml_plugins")]
answer = [pair for pair in answer if pair[0] != "aml-plugins"]
"""


@pytest.mark.parametrize("group", ["aml_plugins", "console_scripts", "pytest11", "no_such_group"])
def test_it_agrees_with_the_standard_library(ask, group):
    code = f"""
from importlib.metadata import entry_points
from aml_plugins.plugins.installed import distributions_with
ours = [entry for each in distributions_with("{group}") for entry in each.entry_points if entry.group == "{group}"]
answer = [sorted([one.name, one.value, one.group] for one in found) for found in (ours, entry_points(group="{group}"))]
"""
    ours, theirs = ask(code)
    assert ours == theirs


def test_of_two_versions_the_first_on_the_path_counts_even_where_it_has_no_plugin(ask, fabricate, tmp_path):
    with_plugin = fabricate("some-plugin", {"a": "a"})
    without = tmp_path / "earlier"
    shutil.copytree(with_plugin, without)
    next(without.glob("*/entry_points.txt")).write_text("[console_scripts]\n")
    assert ask(FIND, without, with_plugin) == []
    assert ask(FIND, with_plugin, without) == [["some-plugin", "0.1"]]


def test_a_zip_file_on_the_path_is_looked_into(ask, fabricate, tmp_path):
    directory = fabricate("zipped-plugin", {"a": "a"})
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
        for file in directory.rglob("*"):
            archive.write(file, file.relative_to(directory))
    assert ask(FIND, tmp_path / "site.zip") == [["zipped-plugin", "0.1"]]


def test_an_old_egg_info_directory_is_found(ask, fabricate):
    directory = fabricate("old-plugin", {"a": "a"})
    info = next(directory.glob("*.dist-info"))
    (info / "METADATA").rename(info / "PKG-INFO")
    info.rename(directory / "old_plugin.egg-info")
    assert ask(FIND, directory) == [["old-plugin", "0.1"]]


def test_entries_of_the_path_that_are_not_there_do_no_harm(ask, tmp_path):
    assert ask(FIND, tmp_path / "missing") == []


def test_other_finders_are_asked(monkeypatch):
    class Distribution:
        def __init__(self):
            self.metadata = {"Name": "frozen-plugin"}

    class Finder:
        @staticmethod
        def find_distributions(context):
            return [Distribution(), Distribution()]

    monkeypatch.setattr("sys.meta_path", [*sys.meta_path, Finder])
    assert [each.metadata["Name"] for each in distributions_with("no_such_group")] == ["frozen-plugin"]


def test_finding_plugins_in_directories_does_without_the_standard_librarys_way(ask, fabricate):
    code = """
import sys
before = set(sys.modules)
from aml_plugins.plugins.entry_points import installed
names = [candidate.name for candidate in installed()]
answer = ["mine" in names, "local" in names, "importlib.metadata" in set(sys.modules) - before]
"""
    assert ask(code, fabricate("some-plugin", {"mine": "a"})) == [True, True, False]


@pytest.mark.parametrize("value", ["json", "json:JSONDecoder.decode", "json : loads [extra]", "json:loads[extra]"])
def test_an_entry_point_loads_what_the_standard_librarys_loads(value):
    assert EntryPoint("x", value, "g").load() is metadata.EntryPoint("x", value, "g").load()


@pytest.mark.parametrize("value", ["", "a b", "a:", ":b", "a/b", "../a"])
def test_a_value_that_names_nothing_is_said(value):
    with pytest.raises(ValueError, match="is not MODULE or MODULE:ATTRIBUTE"):
        EntryPoint("x", value, "g").load()
