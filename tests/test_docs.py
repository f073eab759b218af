"""What the documents name exists."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "docs/adr").glob("*.md")) + [ROOT / "README.md"]
REFERENCE = re.compile(r"`(lkedge/[\w/]+)\.py(?::([\w.]+))?`")
FOLDER = re.compile(r"`((?:lkedge|tests|plugins|bench|docs)(?:/\w+)*)`")


def references() -> list[tuple[str, str, str]]:
    found = []
    for document in DOCUMENTS:
        if document.exists():
            found += [(document.name, *match.groups(default="")) for match in REFERENCE.finditer(document.read_text())]
    return found


@pytest.mark.parametrize(("document", "path", "name"), references())
def test_named_code_exists(document: str, path: str, name: str) -> None:
    module = path.replace("/", ".")
    assert importlib.util.find_spec(module) is not None
    if not name:
        return
    value: object = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_folders_exist(document: Path) -> None:
    if document.exists():
        for match in FOLDER.finditer(document.read_text()):
            assert (ROOT / match[1]).exists(), match[0]
