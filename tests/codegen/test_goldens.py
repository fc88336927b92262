"""Whole generated folders, committed and reviewed like code: what a description becomes, byte for byte.

``UPDATE_GOLDENS=1 pytest tests/codegen/test_goldens.py`` writes them anew; the diff of the output is then read. A case is a
folder ``tests/golden/<reader>/<case>``: the description in ``source/``, and what is generated in a folder per kind of models.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from connector_codegen.generate import generate, outdated, publish
from connector_codegen.writers import Models

from tests.codegen.test_generate import run

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(
    (case.relative_to(GOLDEN).as_posix(), kind)
    for case in GOLDEN.glob("*/*")
    for kind in get_args(Models)
    if (case / kind).is_dir()
)


def tool(*arguments: object, cwd: Path) -> None:
    result = subprocess.run([sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("case", "kind"), CASES)
def test_a_description_becomes_exactly_this(case: str, kind: Models) -> None:
    reader, _, _ = case.partition("/")
    folder = GOLDEN / case
    generated = generate(str(folder / "source"), models=kind)
    assert generated.interface.source.reader == reader
    found = "".join(f"{problem.level}: {problem}\n" for problem in generated.problems).replace(str(folder), "…")
    if os.environ.get("UPDATE_GOLDENS"):
        shutil.rmtree(folder / kind)
        publish(generated.files, folder / kind)
        (folder / "problems.txt").write_text(found)
    assert outdated(generated.files, folder / kind) == []
    assert (folder / "problems.txt").read_text() == found


@pytest.mark.parametrize(("name", "case"), [("kunden", "delimited/german"), ("shop", "delimited/frictionless")])
def test_a_description_becomes_exactly_this_package(name: str, case: str, tmp_path: Path) -> None:
    kind = "dataclass" if name == "shop" else "msgspec"
    run("new", name, "--from", GOLDEN / case / "source", "--out", tmp_path, "--models", kind)
    made, golden = tmp_path / f"connector-{name}", GOLDEN / "packages" / f"connector-{name}"
    if os.environ.get("UPDATE_GOLDENS"):
        shutil.rmtree(golden, ignore_errors=True)
        shutil.copytree(made, golden)
    found, expected = (
        {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
        for folder in (made, golden)
    )
    assert found == expected


def test_goldens_pass_ruff() -> None:
    folders = [GOLDEN / case / kind for case, kind in CASES]
    tool(
        "ruff", "check", "--isolated", "--no-cache", "--select=A001,B,C4,E4,E7,E9,F,I,PIE,PYI,RET,SIM,UP,W", *folders, cwd=GOLDEN
    )
    tool("ruff", "format", "--check", "--isolated", "--no-cache", *folders, cwd=GOLDEN)


@pytest.mark.slow
@pytest.mark.parametrize("kind", get_args(Models))
def test_goldens_pass_mypy_strict(kind: Models, tmp_path: Path) -> None:
    for case, each in CASES:
        if each == kind:
            shutil.copytree(GOLDEN / case / kind, tmp_path / case.replace("/", "_").replace("-", "_"))
    tool("mypy", "--strict", f"--cache-dir={tmp_path / '.cache'}", tmp_path, cwd=tmp_path)
