"""The core knows no cloud: import-linter sees the packages that it imports, this sees its words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CLOUD = re.compile(
    r"azure(?![ _]?ml)|microsoft|windows\.net|x-ms-|hdinsight|livy|kubernetes|kubectl|boto|amazon"
    r"|(?<![a-z])(?:aad|aci|acr|aks|aws|gcp|sas)(?![a-z])",
    re.IGNORECASE,
)
# Azure ML v1's contract with scripts, scoring scripts and files is Azure's by nature; the emulator stands in for it.
ABOUT_AZURE = (
    "runs/configuration/azure_ml/",
    "runs/runner/script_api/",
    "scoring/",
    "testing/azure_emulator/",
    "testing/swagger/",
)
EXPLAINED = {
    "cli/app.py": "names the command that starts the emulator",
    "cli/emulator.py": "starts the emulator",
    "compute/signed_urls.py": "a datastore that signs URLs takes the header x-ms-blob-type",
    "compute/staging.py": "names a datastore that can sign URLs",
    "plugins/checking.py": "names what a plugin may not import to be looked at",
    "retry_after.py": "reads what servers say, and some say it in a header of Microsoft's",
    "runs/data/bringing.py": "names a datastore that can sign URLs",
    "runs/runner/live.py": "writes to signed URLs, as above",
    "runs/runner/sending.py": "writes to signed URLs, as above",
    "secrets/kept.py": "names a store that a team can share",
    "services/captured_elsewhere.py": "names a datastore that can sign URLs",
    "testing/contract/manners.py": "names what a backend may not import to be looked at",
    "workspaces/notifications.py": "knows the hosts whose paths are secrets",
}


def said(tree: ast.AST) -> Iterator[str]:
    """Yield the names and texts of a module, but what is only said in docstrings and comments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.alias | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.arg if isinstance(node, ast.arg) else node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def without_docstrings(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not is_text(part)]
    return tree


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def cloud_words(core: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in sorted(core.rglob("*.py")):
        name = file.relative_to(core).as_posix()
        if not name.startswith(ABOUT_AZURE):
            words = [word for word in said(without_docstrings(file.read_text())) if CLOUD.search(word)]
            found |= {name: words} if words else {}
    return found


def test_the_core_says_no_words_of_a_cloud_but_where_it_is_explained(root):
    found = cloud_words(root / "aml_plugins")
    assert {name: words for name, words in found.items() if name not in EXPLAINED} == {}
    assert EXPLAINED.keys() == found.keys(), "an explanation that explains nothing any more"


def test_a_word_of_a_cloud_would_be_found(tmp_path):
    (tmp_path / "signing.py").write_text('"""Azure is fine here."""\n\ndef aks_url() -> str:\n    return "x"\n')
    (tmp_path / "calling.py").write_text('HOST = "vault.azure.net"\n')
    (tmp_path / "clean.py").write_text('AZUREML = "AZUREML_RUN_ID"  # azure\n')
    assert cloud_words(tmp_path) == {"calling.py": ["vault.azure.net"], "signing.py": ["aks_url"]}
