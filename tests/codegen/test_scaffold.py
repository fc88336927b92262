"""`connector new`: a whole package, made at once or not at all, that installs, proves itself and reads as if written by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import get_args

import pytest
from connector_codegen import scaffold
from connector_codegen.model import GeneratedFile
from connector_codegen.writers import Models
from connector_sdk.errors import ConfigError, LocalResourceError

from tests.codegen.building import orders
from tests.codegen.test_generate import LAYOUT, run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "orders.layout.yaml"
    path.write_text("# Reviewed by Ada\n" + LAYOUT)
    return path


def python(*arguments: object, cwd: Path) -> str:
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, cwd=cwd, check=False)
    assert result.returncode == 0, f"{arguments}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_package_has_few_files_and_says_what_comes_next(source: Path, tmp_path: Path) -> None:
    told = run("new", "my_shop", "--from", source, "--out", tmp_path).output
    folder = tmp_path / "connector-my-shop"
    assert files_in(folder) == [
        "README.md",
        "connector_my_shop/__init__.py",
        "connector_my_shop/connector.py",
        "connector_my_shop/generated/__init__.py",
        "connector_my_shop/generated/interface.json",
        "connector_my_shop/generated/models.py",
        "connector_my_shop/generated/streams.py",
        "connector_my_shop/py.typed",
        "connector_my_shop/simulator.py",
        "connector_my_shop/source/orders.layout.yaml",
        "pyproject.toml",
        "tests/test_connector_my_shop.py",
    ]
    assert told.splitlines()[0] == f"Made {folder}/"
    assert told.splitlines()[-3:] == [
        f"  pip install -e {folder}",
        "  connector test my-shop",
        "  connector init my-shop > my-shop.yaml",
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_generated_code_agrees_with_the_source_that_lies_beside_it(source: Path, tmp_path: Path) -> None:
    run("new", "shop", "--from", source, "--out", tmp_path, "--models", "pydantic")
    package = tmp_path / "connector-shop" / "connector_shop"
    run("generate", package / "source", "--out", package / "generated", "--check")
    assert (package / "source" / "orders.layout.yaml").read_text() == source.read_text()


def test_a_package_can_be_made_from_what_another_was_generated_with(source: Path, tmp_path: Path) -> None:
    run("new", "shop", "--from", source, "--out", tmp_path)
    interface = tmp_path / "connector-shop" / "connector_shop" / "generated" / "interface.json"
    run("new", "twin", "--from", interface, "--out", tmp_path)
    twin = tmp_path / "connector-twin" / "connector_twin"
    assert run("diff", interface, twin / "source").output == "no difference\n"
    assert (twin / "generated" / "streams.py").read_text() == (interface.parent / "streams.py").read_text()


@pytest.mark.parametrize("kind", get_args(Models))
def test_a_package_passes_ruff_as_it_stands(kind: Models, source: Path, tmp_path: Path) -> None:
    run("new", "shop", "--from", source, "--out", tmp_path, "--models", kind)
    python(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=tmp_path / "connector-shop")
    python(sys.executable, "-m", "ruff", "format", "--check", "--no-cache", ".", cwd=tmp_path / "connector-shop")


def test_nothing_is_written_over(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "connector-shop"
    folder.mkdir()
    with pytest.raises(LocalResourceError, match="is there already, and is not written over"):
        run("new", "shop", "--from", source, "--out", tmp_path)
    assert files_in(folder) == []
    folder.rmdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocalResourceError, match="is there already"):
        run("new", "shop", "--from", source, "--out", tmp_path)


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fails(_folder: Path) -> list[GeneratedFile]:
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        scaffold.scaffold("shop", tmp_path / "out", orders(), models="msgspec", source=(), generate=fails)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["", "9shop", "Shop", "my shop", "../shop", "shop-", "sho\np", "sdk", "sftp", "a" * 61, "{{x}}"])
def test_a_name_that_cannot_be_a_package_is_refused(name: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot name a connector|exists already"):
        run("new", name, "--from", source, "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["orders.layout.yaml"]


def test_hostile_names_stay_data_everywhere_in_the_package(tmp_path: Path) -> None:
    hostile = Path(__file__).parents[1] / "golden" / "layout" / "hostile" / "source"
    run("new", "hostile", "--from", hostile, "--out", tmp_path)
    folder = tmp_path / "connector-hostile"
    python(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=folder)
    code = "import ast, pathlib; [ast.parse(p.read_text()) for p in pathlib.Path().rglob('*.py')]"
    code += "; from connector_hostile.connector import FILES; print(ascii(FILES))"
    assert python(sys.executable, "-c", code, cwd=folder) == "{'\"; import os #': '?; import os #*.csv'}\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment as a stranger has it, and beside it a folder with the two wheels it cannot get from an index."""
    place = tmp_path_factory.mktemp("stranger")
    venv.create(place / "venv", with_pip=True)
    for project in (ROOT, ROOT / "connectors" / "sftp"):
        python(Path(sys.executable).parent / "uv", "build", "-q", "--wheel", "--out-dir", place / "dist", project, cwd=ROOT)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("kind", get_args(Models))
def test_a_package_installs_with_pip_and_keeps_every_promise(
    kind: Models, source: Path, tmp_path: Path, environment: Path
) -> None:
    name = f"shop-{kind}"
    run("new", name, "--from", source, "--out", tmp_path, "--models", kind)
    folder, package = tmp_path / f"connector-{name}", f"connector_shop_{kind}"
    bin_ = environment / "venv" / "bin"
    python(bin_ / "pip", "install", "-q", "--find-links", environment / "dist", f"{folder}[dev]", cwd=tmp_path)
    listed = {each["name"]: each for each in json.loads(python(bin_ / "connector", "list", "--json", cwd=tmp_path))}
    assert (listed[name]["package"], listed[name]["problem"]) == (f"connector-{name}", None)
    # The laws do not depend on the kind of models.
    chosen = () if kind == "msgspec" else ("-k", "typed")
    python(bin_ / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen, cwd=folder)
    python(bin_ / "python", "-m", "mypy", "--cache-dir", environment / "mypy", ".", cwd=folder)
    python(bin_ / "python", "-m", "ruff", "check", "--no-cache", ".", cwd=folder)
    python(bin_ / "connector", "generate", f"{package}/source", "--out", f"{package}/generated", "--check", cwd=folder)
