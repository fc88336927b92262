"""`connector read` brings every row once, writes nothing over, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from connector_sdk.runtime.state_store import FileStore, Saved, read_saved
from processes import Process

Run = Callable[..., Result]
Start = Callable[..., Process]


def numbers(**settings: object) -> Path:
    path = Path("numbers.json")
    path.write_text(json.dumps(settings))
    return path


def ids(path: Path | str) -> list[int]:
    """The ids in a Parquet file, or in all the parts of a folder."""
    files = sorted(Path(path).glob("numbers-*.parquet")) if Path(path).is_dir() else [Path(path)]
    return [value for file in files for value in pq.read_table(file).column("id").to_pylist()]


def test_a_file_has_every_row_with_types_and_descriptions(connector: Run) -> None:
    result = connector("read", "systems:Numbers", "-c", numbers(count=2500), "-s", "numbers", "-o", "out.parquet")
    assert result.exit_code == 0, result.output
    table = pq.read_table("out.parquet")
    assert table.column("id").to_pylist() == list(range(1, 2501))
    assert table.schema.field("name").metadata[b"connector.doc"] == b"what it is called"
    assert result.stdout == ""
    first, last = result.stderr.splitlines()
    assert first == "numbers: full, 1 split"
    assert last.startswith("done: 2,500 rows")
    assert sorted(os.listdir()) == ["numbers.json", "out.parquet"]


@pytest.mark.parametrize("ending", ["parquet", "avro", "csv", "jsonl", "arrow"])
def test_every_format_by_its_ending(connector: Run, ending: str) -> None:
    from connector_sdk.formats import FORMATS

    assert connector("read", "systems:Numbers", "-s", "numbers", "-o", f"out.{ending}").exit_code == 0
    with Path(f"out.{ending}").open("rb") as file:
        rows = pa.Table.from_batches(FORMATS[ending].read(file, None)).to_pylist()
    assert [int(row["id"]) for row in rows] == list(range(1, 11))


def test_a_file_that_is_there_is_not_written_over(connector: Run) -> None:
    Path("out.parquet").write_text("precious")
    result = connector("read", "systems:Numbers", "-s", "numbers", "-o", "out.parquet")
    assert result.exit_code == 8
    assert result.stderr.splitlines() == ["error: out.parquet is there already, and is not written over — name another file"]
    assert Path("out.parquet").read_text() == "precious"


def test_into_a_pipe_rows_are_json_lines(connector: Run) -> None:
    result = connector("read", "systems:Numbers", "-s", "numbers", "--limit", "2", "--log", "none")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [{"id": 1, "name": "n1"}, {"id": 2, "name": "n2"}]
    assert result.stderr == ""


def test_a_reader_that_has_seen_enough_is_left_quietly(process: Start) -> None:
    config = numbers(count=500_000)
    running = process("read", "systems:Numbers", "-c", config, "-s", "numbers", "--log", "none")
    assert running.popen.stdout is not None
    assert json.loads(running.popen.stdout.readline()) == {"id": 1, "name": "n1"}
    running.popen.stdout.close()
    assert running.popen.stderr is not None
    assert running.popen.stderr.read() == ""
    assert running.popen.wait(30) == 128 + signal.SIGPIPE


def test_columns_where_and_limit(connector: Run) -> None:
    words = ("read", "systems:Numbers", "-c", numbers(count=2000), "-s", "numbers", "--log", "none")
    result = connector(*words, "--columns", "name", "--where", "id > 1500 AND (name = 'n1600' OR id >= 1999)", "--limit", "2")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [{"name": "n1600"}, {"name": "n1999"}]


LANDING = ("--mode", "incremental", "--state", "s.state", "-o", "landing/")


def test_the_second_incremental_run_brings_only_what_is_new(connector: Run) -> None:
    words = ("read", "systems:Numbers", "-c", "numbers.json", "--all", *LANDING)
    for count, total in ((10, 10), (10, 10), (25, 25)):
        numbers(count=count)
        assert connector(*words).exit_code == 0
        assert ids("landing") == list(range(1, total + 1))
    assert read_saved(Path("s.state")).states["numbers"] == {"v": 1, "id": 25}


def test_each_incremental_run_may_write_a_file_of_its_own(connector: Run) -> None:
    words = ("read", "systems:Numbers", "-c", "numbers.json", "-s", "numbers", "--mode", "incremental", "--state", "s.state")
    for count, name in ((10, "a"), (25, "b")):
        numbers(count=count)
        result = connector(*words, "-o", f"{name}.parquet")
        assert result.exit_code == 0, result.output
    assert ids("a.parquet") + ids("b.parquet") == list(range(1, 26))


def test_a_limit_saves_no_state(connector: Run) -> None:
    words = ("read", "systems:Numbers", "-s", "numbers", "--state", "s.state", "--limit", "3")
    assert connector(*words, "-o", "a.parquet").exit_code == 0
    assert ids("a.parquet") == [1, 2, 3]
    assert not Path("s.state").exists()


def one_error(result: Result, exit_code: int) -> str:
    """The one error line of a command that failed as it should."""
    assert result.exit_code == exit_code, result.output
    assert "Traceback" not in result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    return errors[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-s", "nubmers"), "has no stream 'nubmers' — did you mean numbers?"),
        (("-s", "zzz"), "it has numbers, others"),
        ((), "which of the 2 streams of systems:Numbers? — -s NAME, or --all: numbers, others"),
        (("-s", "numbers", "--all"), "-s and --all together"),
        (("-s", "numbers", "--columns", "nmae"), "has no field 'nmae' — did you mean name?"),
        (("-s", "numbers", "--where", "nmae = 'x'"), "no field 'nmae' to compare — did you mean name?"),
        (("-s", "numbers", "--where", "id ="), "--where 'id ='"),
        (("-s", "numbers", "--where", "id = 'x'"), "cannot be compared with 'x'"),
        (("-s", "numbers", "--where", "upper(name) = 'X'"), "is not understood"),
        (("-s", "numbers", "--mode", "changes"), "does not offer changes reads"),
        (("--all", "--mode", "changes"), "offers changes reads"),
        (("-s", "numbers", "-o", "out.xlsx"), "'.xlsx' is not the ending of a known format"),
        (("-s", "numbers", "-o", "out"), "the name has no ending"),
        (("--all", "-o", "out.parquet"), "one file and holds one stream"),
        (("-s", "numbers", "--limit", "0"), "--limit"),
        (("-s", "numbers", "--mode", "fast"), "'fast' is not one of"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_request_is_one_line_and_leaves_no_file(connector: Run, words: tuple[str, ...], said: str) -> None:
    assert said in one_error(connector("read", "systems:Numbers", "-o", "out.parquet", *words), 2)
    assert os.listdir() == []


def saved_state(connector: str = "systems:Numbers") -> Path:
    path = Path("s.state")
    with FileStore(path, connector) as store:
        store.save(Saved(connector=connector, mode="incremental", checkpoint=3, states={"numbers": {"v": 1, "id": 5}}))
    return path


INCREMENTAL = ("read", "systems:Numbers", "-s", "numbers", *LANDING)


def test_the_state_of_another_connector_is_refused(connector: Run) -> None:
    before = saved_state("sftp").read_text()
    line = one_error(connector(*INCREMENTAL), 6)
    assert "s.state is the state of 'sftp'" in line
    assert Path("s.state").read_text() == before
    assert not Path("landing").exists()


@pytest.mark.parametrize("cut", [0, 1, 40, -2])
def test_a_half_written_state_is_refused_and_kept(connector: Run, cut: int) -> None:
    whole = saved_state().read_text()
    Path("s.state").write_text(whole[:cut])
    assert "s.state" in one_error(connector(*INCREMENTAL), 6)
    assert Path("s.state").read_text() == whole[:cut]
    assert not Path("landing").exists()


def test_a_state_changed_by_hand_is_refused(connector: Run) -> None:
    path = saved_state()
    path.write_text(path.read_text().replace('"id": 5', '"id": 6'))
    assert "connector state set" in one_error(connector(*INCREMENTAL), 6)


def test_a_state_of_another_mode_is_refused(connector: Run) -> None:
    saved_state()
    assert "incremental" in one_error(connector(*INCREMENTAL, "--mode", "full"), 2)


def test_two_runs_at_once_on_one_state_are_refused(connector: Run) -> None:
    saved_state()
    with FileStore(Path("s.state"), "systems:Numbers"):
        line = one_error(connector(*INCREMENTAL), 8)
    assert f"s.state is in use by another run (process {os.getpid()})" in line
    assert not Path("landing").exists()


def test_rejects_over_the_budget_end_the_run_and_nothing_is_published(connector: Run) -> None:
    line = one_error(connector("read", "systems:Numbers", "-c", numbers(bad=2), "-s", "numbers", "-o", "out.parquet"), 4)
    assert "2 rejected records, 0 allowed" in line
    assert "numbers.txt, line 1, field id: not a number" in line
    assert sorted(os.listdir()) == ["numbers.json", "out.parquet.rejects.jsonl"]
    assert "look at out.parquet.rejects.jsonl" in line


def test_rejects_within_the_budget_are_kept_with_their_bytes(connector: Run) -> None:
    words = ("read", "systems:Numbers", "-c", numbers(bad=2), "-s", "numbers", "-o", "out.parquet", "--rejects", "bad.jsonl")
    result = connector(*words, "--max-rejects", "2")
    assert result.exit_code == 0
    assert ids("out.parquet") == list(range(1, 11))
    assert "2 rejected records are in bad.jsonl" in result.stderr
    assert [json.loads(line)["text"] for line in Path("bad.jsonl").read_text().splitlines()] == ["bad,0", "bad,1"]


def test_log_json_is_one_object_per_line(connector: Run) -> None:
    result = connector("read", "systems:Numbers", "-s", "numbers", "-o", "out.parquet", "--log", "json")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["RunStarted", "RunFinished"]
    assert events[-1]["rows"] == 10


def test_a_retry_is_told_and_no_row_comes_twice(connector: Run) -> None:
    result = connector("read", "systems:Flaky", "-c", numbers(count=2500), "-s", "numbers", "-o", "out.parquet")
    assert result.exit_code == 0, result.output
    assert [line for line in result.stderr.splitlines() if line.startswith("try 2 in ") and "the connection was cut" in line]
    assert ids("out.parquet") == list(range(1, 2501))


def test_ctrl_c_where_no_row_moves_is_one_line(process: Start) -> None:
    running = process("check", "systems:Stuck")
    assert running.popen.stdout is not None
    assert running.popen.stdout.readline() == "stuck\n"
    running.popen.send_signal(signal.SIGINT)
    code, _, err = running.end()
    assert code == 130
    assert err.strip() == "stopped: interrupted; what was committed stays"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_at_a_checkpoint_and_the_next_run_goes_on(process: Start, connector: Run, number: int, code: int) -> None:
    words = ("read", "systems:Numbers", "-c", "numbers.json", "-s", "numbers", *LANDING)
    numbers(count=1000, pause=0.01)
    running = process(*words, "--log", "json")
    assert running.popen.stderr is not None
    while json.loads(running.popen.stderr.readline())["event"] != "BatchRead":
        pass
    time.sleep(0.2)
    running.popen.send_signal(number)
    exit_code, _, err = running.end()
    assert exit_code == code, err
    assert json.loads(err.splitlines()[-1])["event"] == "Failed"
    assert "Traceback" not in err
    got = ids("landing")
    assert 0 < len(got) < 1000
    assert read_saved(Path("s.state")).states["numbers"] == {"v": 1, "id": len(got)}
    numbers(count=1000)
    assert connector(*words).exit_code == 0
    assert sorted(ids("landing")) == list(range(1, 1001))


def test_a_signal_is_answered_in_one_line(process: Start) -> None:
    running = process("read", "systems:Numbers", "-c", numbers(count=1000, pause=0.02), "-s", "numbers", "-o", "out.parquet")
    assert running.popen.stderr is not None
    assert running.popen.stderr.readline() == "numbers: full, 1 split\n"
    running.popen.send_signal(signal.SIGINT)
    code, _, err = running.end()
    assert code == 130
    note, end = err.splitlines()
    assert note == "note: stopping at the next checkpoint; once more stops at once"
    assert end.startswith("stopped: ")
    assert os.listdir() == ["numbers.json"]


def test_a_second_signal_stops_at_once(process: Start) -> None:
    running = process("read", "systems:Stuck", "-s", "numbers", "-o", "out.parquet")
    assert running.popen.stdout is not None
    assert running.popen.stdout.readline() == "stuck\n"
    started = time.monotonic()
    running.popen.send_signal(signal.SIGINT)
    time.sleep(0.3)
    running.popen.send_signal(signal.SIGTERM)
    assert running.end()[0] == 143
    assert time.monotonic() - started < 10


def test_a_full_disk_on_stdout_is_exit_8(process: Start) -> None:
    with open("/dev/full", "wb") as full:
        code, _, err = process("read", "systems:Numbers", "-s", "numbers", "--log", "none", stdout=full).end()
    assert code == 8
    assert err.startswith("error: ")
    assert "No space left on device" in err
    assert len(err.splitlines()) == 1


def test_a_file_that_cannot_grow_is_exit_8_and_nothing_is_published(process: Start) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    words = ("read", "systems:Numbers", "-c", numbers(count=200_000), "-s", "numbers", "--log", "none")
    code, _, err = process(*words, "-o", "out.parquet", preexec_fn=limit).end()
    assert code == 8, err
    assert "File too large" in err
    assert len(err.splitlines()) == 1
    assert os.listdir() == ["numbers.json"]
    code, _, err = process(*words, *LANDING, preexec_fn=limit).end()
    assert code == 8, err
    assert read_saved(Path("s.state")).states == {}
    assert ids("landing") == []
    assert process(*words, *LANDING).end()[0] == 0
    assert ids("landing") == list(range(1, 200_001))


def on_a_terminal(process: Start, *words: object, stdout: bool) -> tuple[int, str]:
    """Run a command whose stderr (and stdout) is a terminal; the exit code and all that was shown."""
    ours, theirs = pty.openpty()
    environment = {"COLUMNS": "100", "TERM": "xterm-256color"}
    running = process(*words, env=environment, stdout=theirs if stdout else subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    return running.popen.wait(30), shown.decode()


def test_on_a_terminal_the_first_rows_are_a_table(process: Start) -> None:
    code, shown = on_a_terminal(process, "read", "systems:Numbers", "-c", numbers(count=100), "-s", "numbers", stdout=True)
    assert code == 0
    assert "n20" in shown
    assert "n21" not in shown
    assert "more rows" in shown


def test_on_a_terminal_progress_is_drawn_and_leaves_one_line(process: Start) -> None:
    config = numbers(count=40, pause=0.02)
    words = ("read", "systems:Numbers", "-c", config, "-s", "numbers", "-o", "out.parquet")
    code, shown = on_a_terminal(process, *words, stdout=False)
    assert code == 0
    assert "rows/s" in shown
    assert re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).rstrip().splitlines()[-1].startswith("done: 40 rows")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is there again
