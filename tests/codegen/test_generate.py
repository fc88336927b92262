"""From a description to files on disk: the same bytes for the same input, only over our own files, and a check that tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from connector_codegen import commands, generate
from connector_codegen.commands import commands as command_list
from connector_codegen.readers import READERS, read
from connector_codegen.writers import KINDS, write
from connector_sdk.errors import ConfigError, LocalResourceError

from tests.codegen.building import orders

LAYOUT = """\
layout: 1
name: orders
format: delimited
encoding: utf-8
keys: [id]
fields:
- {name: id, type: int64, nullable: false}
- {name: takenOn, type: date, format: ["%d.%m.%Y"]}
- {name: price, type: "decimal(12,2)", decimal: ",", group: "."}
"""


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "orders.layout.yaml"
    path.parent.mkdir()
    path.write_text(LAYOUT)
    return path


def run(*arguments: object, code: int = 0) -> Result:
    """A codegen command, as the CLI calls it; errors reach the caller."""
    name, *rest = map(str, arguments)
    command = next(command for command in command_list if command.name == name)
    result = CliRunner().invoke(command, rest, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_generated_files_and_nothing_else(layout: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    run("generate", layout, "--out", out)
    assert sorted(path.name for path in out.iterdir()) == ["__init__.py", "interface.json", "models.py", "streams.py"]
    run("generate", layout, "--out", out, "--check")


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_same_input_gives_the_same_bytes_under_any_hash_seed(layout: Path, tmp_path: Path, seed: str) -> None:
    here = generate.generate(str(layout))
    code = "import sys; from connector_codegen.generate import generate, publish; from pathlib import Path"
    code += "; publish(generate(sys.argv[1]).files, Path(sys.argv[2]))"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run([sys.executable, "-c", code, layout, tmp_path / "out"], check=True, env=environment, cwd="/")
    assert generate.outdated(here.files, tmp_path / "out") == []


def test_check_tells_what_differs_and_exits_with_5(layout: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    run("generate", layout, "--out", out)
    (out / "models.py").write_text("# edited\n")
    (out / "streams.py").unlink()
    result = run("generate", layout, "--out", out, "--check", code=5)
    assert result.output.splitlines()[:2] == [f"{out}/models.py: differs", f"{out}/streams.py: is missing"]
    assert (out / "models.py").read_text() == "# edited\n"


def test_a_description_that_changed_makes_generated_code_out_of_date(layout: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    run("generate", layout, "--out", out)
    layout.write_text(LAYOUT.replace("12,2", "14,2"))
    run("generate", layout, "--out", out, "--check", code=5)
    run("generate", layout, "--out", out)
    run("generate", layout, "--out", out, "--check")


def test_the_kind_of_models_is_remembered(layout: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    run("generate", layout, "--out", out, "--models", "dataclass")
    run("generate", layout, "--out", out, "--check")
    assert "@dataclass" in (out / "models.py").read_text()


def test_hand_written_files_are_never_touched(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("mine\n")
    with pytest.raises(LocalResourceError, match=r"models\.py is there already and was not generated"):
        run("generate", layout, "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models.py", "source"]
    out = tmp_path / "generated"
    run("generate", layout, "--out", out)
    (out / "mine.py").write_text("mine\n")
    run("generate", layout, "--out", out)
    assert (out / "mine.py").read_text() == "mine\n"


def test_what_is_no_longer_generated_goes(layout: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    generated = generate.generate(str(layout))
    old = [file for file in generated.files if file.path != "interface.json"]
    about = {"files": ["old.layout.yaml", "../orders.layout.yaml", *(file.path for file in generated.files)]}
    generate.publish(old, out)
    (out / "interface.json").write_text(json.dumps(about))
    (out / "old.layout.yaml").write_text("old")
    result = run("generate", layout, "--out", out, "--check", code=5)
    assert f"{out}/old.layout.yaml: is no longer generated" in result.output
    run("generate", layout, "--out", out)
    assert not (out / "old.layout.yaml").exists()
    assert layout.exists()


def test_an_interface_written_and_read_back_is_the_same(tmp_path: Path) -> None:
    interface = orders()
    for file in write(interface, "msgspec", ()):
        (tmp_path / file.path).write_text(file.text)
    again = read(str(tmp_path / "interface.json"), None, [])
    assert (again.streams, again.records, again.enumerations) == (interface.streams, interface.records, interface.enumerations)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"interface": 1}', "is not an interface of ours: KeyError 'streams'"),
        ('{"interface": 2}', "version 2: this release reads version 1"),
        (
            '{"interface": 1, "source": {"reader": "x", "files": {}}, "streams": [{"name": "a", "fields": [{"nme": 1}]}]}',
            "KeyError",
        ),
        ('{"interface": ', "is not an interface of ours"),
    ],
)
def test_a_damaged_interface_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "interface.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        generate.understand(str(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_wrong_layout_of_a_folder_is_named(layout: Path) -> None:
    (layout.parent / "a.layout.yaml").write_text(LAYOUT.replace("int64", "integer"))
    (layout.parent / "b.layout.yaml").write_text(LAYOUT.replace("fields:", "felds:"))
    (layout.parent / "d.layout.yaml").write_text(LAYOUT.replace("%d.%m.%Y", "%d.%m."))
    (layout.parent / "c.layout.yaml").write_bytes(b"layout: 1\nname: \xff\n")
    with pytest.raises(ConfigError) as caught:
        generate.understand(str(layout.parent))
    for part in ("a.layout.yaml, line 7", "b.layout.yaml", "c.layout.yaml", "d.layout.yaml: the date format"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing", "nothing does not exist"),
        ("*.nothing", "*.nothing matches no file"),
        ("empty", "empty has no files"),
        ("notes.md", "notes.md is not recognised by any reader"),
    ],
)
def test_a_source_that_cannot_be_read_is_a_config_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.md").write_text("# Notes\n")
    with pytest.raises(ConfigError) as caught:
        read(source, None, [])
    assert caught.value.message == message


def test_files_that_are_not_part_of_the_description_are_noted(layout: Path) -> None:
    (layout.parent / "README.md").write_text("# Notes\n")
    _, problems = generate.understand(str(layout.parent))
    assert [str(problem) for problem in problems] == [f"{layout.parent}/README.md: is left out"]


def test_two_layouts_of_one_file_name_are_both_named_in_the_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "layout.yaml").write_text(LAYOUT.replace("orders", folder))
    assert list(read("*/layout.yaml", None, []).source.files) == ["a/layout.yaml", "b/layout.yaml"]


def test_the_words_of_the_options_are_those_of_the_tables() -> None:
    assert [reader.name for reader in READERS] == list(commands._READERS)
    assert list(KINDS) == list(commands._MODELS)


def test_diff_exits_with_5_when_something_breaks(layout: Path, tmp_path: Path) -> None:
    run("generate", layout, "--out", tmp_path / "generated")
    new = tmp_path / "new.layout.yaml"
    new.write_text(LAYOUT.replace("12,2", "10,2").replace('decimal: ","', 'decimal: ","\n  doc: total'.replace("\n  ", ", ")))
    assert run("diff", layout, layout).output == "no difference\n"
    table = run("diff", tmp_path / "generated" / "interface.json", new, code=5).output
    assert table == "data-losing  orders.price  decimal(12,2) → decimal(10,2)\ncompatible   orders.price  its description\n"
    found = json.loads(run("diff", layout, new, "--json", code=5).output)
    assert found["verdict"] == "data-losing"
    assert found["differences"][1] == {"stream": "orders", "field": "price", "verdict": "compatible", "what": "its description"}
    new.write_text(LAYOUT + "- {name: note, type: string}\n")
    assert run("diff", layout, new).output == "compatible  orders.note  is new\n"


def test_help_of_every_command_has_an_example() -> None:
    for command in command_list:
        assert f"Example:\n    connector {command.name} " in run(command.name, "--help").output
