"""`spec` and `init` say what a configuration can hold; what `init` prints is valid once its required keys are filled in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from connector_sdk.config import Secret, config_from
from systems import NumbersConfig, RichConfig

Run = Callable[..., Result]


def test_spec_is_the_json_schema_of_the_model(connector: Run) -> None:
    shown = json.loads(connector("spec", "systems:Rich").stdout)
    assert shown == json.loads(json.dumps(RichConfig.model_json_schema()))
    assert shown["properties"]["password"]["format"] == "password"


def test_spec_as_markdown_has_a_line_for_every_key_at_every_depth(connector: Run) -> None:
    table = connector("spec", "systems:Rich", "--markdown").stdout
    assert "| `host` | text | **required** | name \\| address of the server |" in table
    assert "| `port` | whole number 1…65535 | `22` | TCP port |" in table
    assert "| `password` | secret | **required** | how to get in |" in table
    assert "| `places.<name>.depth` | whole number 0…9 | `3` | how deep to look |" in table
    assert "| `listed[].folder` | text | **required** | path of a folder |" in table
    assert "| `limits.max_sessions` |" in table


def test_init_is_valid_when_the_required_keys_are_filled_in(connector: Run) -> None:
    text = connector("init", "systems:Rich").stdout
    with pytest.raises(Exception, match="host"):
        config_from(RichConfig, yaml.safe_load(text))
    filled = text.replace("\nhost:", "\nhost: example.org").replace("folder:", "folder: /data", 1)
    config = config_from(RichConfig, yaml.safe_load(filled))
    assert config.host == "example.org"
    assert config.password == Secret("env:RICH_PASSWORD")
    assert config.main.folder == "/data"
    assert config.port == 22


def test_every_commented_setting_of_init_is_valid_when_its_mark_is_taken_away(connector: Run) -> None:
    text = connector("init", "systems:Rich").stdout
    lines = [line.removeprefix("# ") if line.startswith("# ") else line for line in text.splitlines()]
    filled = "\n".join(lines).replace("\nhost:", "\nhost: example.org").replace("folder:", "folder: /data")
    config = config_from(RichConfig, yaml.safe_load(filled))
    assert config.places["name"].folder == "/data"
    assert config.listed[0].depth == 3
    assert config.options == {"encoding": "cp037"}
    assert config.token == Secret("env:RICH_TOKEN")
    assert config.names == ("x", "y: z")


def test_a_configuration_without_required_keys_is_valid_as_printed(connector: Run) -> None:
    text = connector("init", "systems:Numbers").stdout
    assert config_from(NumbersConfig, yaml.safe_load(text) or {}) == NumbersConfig()
    Path("numbers.yaml").write_text(text)
    assert connector("check", "systems:Numbers", "-c", "numbers.yaml").exit_code == 0
