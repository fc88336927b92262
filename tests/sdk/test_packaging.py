"""What `pip install connector-sdk` brings: built as for release, installed as by a stranger, and light."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIGHT = 20

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uv(*arguments: str | Path, cwd: Path | None = None) -> str:
    return run(Path(sys.executable).parent / "uv", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--out-dir", out, ROOT, "--python", sys.executable)
    uv("build", "--quiet", "--out-dir", out, ROOT / "connectors" / "sftp", "--wheel", "--python", sys.executable)
    return out


@pytest.fixture(scope="module")
def alone(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of a fresh environment in which connector-sdk alone was installed."""
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--find-links", built, *built.glob("connector_sdk-*.whl"))
    return python


def test_the_wheel_holds_the_sdk_codegen_and_every_template(built: Path) -> None:
    (wheel,) = built.glob("connector_sdk-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = run("git", "ls-files", "sdk", "codegen", "templates", cwd=ROOT).splitlines()
    expected = {path.split("/", 1)[1] for path in tracked if (ROOT / path).is_file()}
    assert expected - names == set()
    assert not [name for name in names if name.startswith(("tests/", "docs/", "connector_sftp/"))]


def test_the_source_distribution_has_its_license_and_readme(built: Path) -> None:
    (sdist,) = built.glob("connector_sdk-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"LICENSE", "README.md", "pyproject.toml"} <= names


def test_connector_sdk_alone_is_light(alone: Path) -> None:
    listed = {row["name"].lower() for row in json.loads(uv("pip", "list", "--format", "json", "--python", alone))}
    assert len(listed) <= LIGHT, sorted(listed)
    assert listed.isdisjoint(
        {"jinja2", "cookiecutter", "datamodel-code-generator", "paramiko", "pytest", "hypothesis", "dlt", "pyspark"}
    )


def test_the_command_works_alone(alone: Path, tmp_path: Path) -> None:
    connector = alone.parent / "connector"
    assert re.fullmatch(r"connector(-sdk)?,? (version )?\d+\.\d+\.\d+\S*", run(connector, "--version", cwd=tmp_path).strip())
    run(connector, "list", cwd=tmp_path)
    run(connector, "--help", cwd=tmp_path)


def test_importing_the_sdk_loads_no_terminal_and_no_template_engine(alone: Path, tmp_path: Path) -> None:
    code = "import sys, connector_sdk; print(sorted({'click', 'rich', 'jinja2', 'pytest', 'sqlglot'} & set(sys.modules)))"
    assert run(alone, "-c", code, cwd=tmp_path).strip() == "[]"


def test_a_connector_installs_beside_it_like_a_strangers(built: Path, alone: Path, tmp_path: Path) -> None:
    """connector-sftp asks for connector-sdk by version, as a third party's package would."""
    environment = tmp_path / "with-sftp"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--find-links", built, *built.glob("connector_sftp-*.whl"))
    assert "sftp" in run(environment / "bin" / "connector", "list", cwd=tmp_path)
    assert os.access(environment / "bin" / "connector", os.X_OK)
