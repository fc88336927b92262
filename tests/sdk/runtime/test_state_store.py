"""A state file is whole, one run's at a time, one connector's only, and survives being killed while it is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from connector_sdk.errors import ConfigError, InternalError, StateInvalidError
from connector_sdk.runtime.state_store import FileStore, Saved, read_saved, reset_state, set_state, write_saved


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "deep" / "state.json"
    with FileStore(path, "sftp") as store:
        first = store.load()
        assert first.done
        assert not first.states
        saved = Saved(connector="sftp", load=first.load, mode="full", checkpoint=3, states={"a": {"v": 1}}, done=False)
        store.save(saved)
    assert read_saved(path) == saved


def test_a_second_run_is_refused_while_the_first_lives(tmp_path):
    path = tmp_path / "state.json"
    with FileStore(path, "sftp"):
        code = f"""
import pathlib
from connector_sdk.runtime.state_store import FileStore
from connector_sdk.errors import LocalResourceError
try:
    FileStore(pathlib.Path({str(path)!r}), "sftp").__enter__()
except LocalResourceError as error:
    print(error.exit_code, error)
"""
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert out.startswith("8 ")
        assert f"process {os.getpid()}" in out
    with FileStore(path, "sftp"):
        pass


def test_the_state_of_another_connector_is_refused(tmp_path):
    path = tmp_path / "state.json"
    write_saved(path, Saved(connector="odbc"))
    with FileStore(path, "sftp") as store, pytest.raises(StateInvalidError, match="state of 'odbc'.* 'sftp'"):
        store.load()


@pytest.mark.parametrize("damage", ["", "{", '{"format": "other"}', "[]", '"x"', "null"])
def test_a_damaged_file_is_said_to_be_damaged(tmp_path, damage):
    path = tmp_path / "state.json"
    path.write_text(damage)
    with pytest.raises(StateInvalidError) as caught:
        read_saved(path)
    assert caught.value.exit_code == 6
    assert path.read_text() == damage


def test_any_cut_or_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "state.json"
    write_saved(path, Saved(connector="sftp", states={"a": {"offset": 1234}}))
    text = path.read_text()
    for cut in range(0, len(text) - 1, 7):
        path.write_text(text[:cut])
        with pytest.raises(StateInvalidError):
            read_saved(path)
    path.write_text(text.replace("1234", "1235"))
    with pytest.raises(StateInvalidError, match="digest"):
        read_saved(path)


def test_a_half_written_temporary_file_is_not_the_state(tmp_path):
    path = tmp_path / "state.json"
    saved = Saved(connector="sftp", states={"a": {"offset": 1}})
    write_saved(path, saved)
    (tmp_path / ".state.json.tmp").write_text('{"format": "connec')
    assert read_saved(path) == saved


def test_a_full_disk_leaves_the_old_state(tmp_path):
    path = tmp_path / "state.json"
    write_saved(path, Saved(connector="sftp", states={"a": {"offset": 1}}))
    code = f"""
import pathlib, resource, signal
from connector_sdk.runtime.state_store import Saved, write_saved
from connector_sdk.errors import LocalResourceError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_saved(pathlib.Path({str(path)!r}), Saved(connector="sftp", states={{"a": {{"offset": 2}}}}))
except LocalResourceError as error:
    print(error.exit_code)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "8"
    assert read_saved(path).states == {"a": {"offset": 1}}
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_a_state_over_64_kb_is_a_defect_of_the_connector(tmp_path):
    with pytest.raises(InternalError, match="64|65,536"):
        write_saved(tmp_path / "s", Saved(connector="x", states={"a": {"names": "y" * 70_000}}))


def test_reset_and_set_begin_a_new_load(tmp_path):
    path = tmp_path / "state.json"
    write_saved(path, Saved(connector="sftp", load="one", mode="incremental", states={"a": {"n": 1}, "b": {"n": 2}}))
    assert reset_state(path, "a").states == {"b": {"n": 2}}
    assert read_saved(path).load != "one"
    assert set_state(path, "a", {"n": 9}).states == {"b": {"n": 2}, "a": {"n": 9}}
    assert reset_state(path).states == {}
    with pytest.raises(ConfigError, match="no split 'z'"):
        reset_state(path, "z")
    assert json.loads(path.read_text())["connector"] == "sftp"
