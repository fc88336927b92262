"""Every row arrives once: over retries, deaths, stops, budgets and limits."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from connector_sdk.config import Limits
from connector_sdk.errors import ConfigError, DataError, InternalError, Stopped, TransientError
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.reject_file import read_rejects
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.snapshot_diff import SnapshotDiff
from connector_sdk.runtime.state_store import FileStore, MemoryStore
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.table_source import TableSource
from connector_sdk.runtime.telemetry import Event, to_json
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import Mode, WriteMode

from .scripted import SCHEMA, Died, Numbers, Rows, at_step, stream, wait_until

QUICK = Retry(attempts=3, first=0.001, longest=0.01)


def job(source: Numbers, sink: Rows, **more) -> Job:
    settings = {
        "streams": (stream(),),
        "mode": Mode.FULL,
        "write": WriteMode.APPEND,
        "store": MemoryStore("numbers"),
        "piece_rows": 10,
        "retry": QUICK,
    }
    return Job(source=source, sink=sink, **{**settings, **more})


def test_all_rows_arrive_once_over_parallel_splits():
    source, sink = Numbers(), Rows()
    together = threading.Barrier(2)
    source.before_batch = lambda split, row: together.wait(30) if row in (0, 1) else None  # the first batches of two splits
    result = run(job(source, sink))
    assert sorted(sink.rows["s"]) == list(range(100))
    assert result.rows == 100
    assert source.most_reading > 1


def test_max_sessions_bounds_what_is_read_at_once():
    source, sink = Numbers(splits=9), Rows()
    run(job(source, sink, limits=Limits(max_sessions=2)))
    assert source.most_reading <= 2
    assert len(sink.rows["s"]) == 100


@pytest.mark.parametrize(("mode", "write"), [("full", "append"), ("full", "replace"), ("incremental", "append")])
def test_killed_at_every_step_and_run_again(tmp_path, mode, write):
    for step in range(1, 500):
        path = tmp_path / f"{step}.json"
        sink = Rows(at_step(step))
        # One split at a time, so that "dying" stops everything, as it would.
        one = Limits(max_sessions=1)
        try:
            with FileStore(path, "numbers") as store:
                run(job(Numbers(count=40), sink, store=store, mode=Mode(mode), write=WriteMode(write), limits=one))
            break
        except Died:
            sink.die = lambda step: None
            with FileStore(path, "numbers") as store:
                run(job(Numbers(count=40), sink, store=store, mode=Mode(mode), write=WriteMode(write), limits=one))
            assert sorted(sink.rows["s"]) == list(range(40)), step
    else:
        raise AssertionError("never came to the end")
    assert step > 15


def test_a_resumed_full_read_uses_its_saved_plan(tmp_path):
    source, sink = Numbers(), Rows(at_step(8))
    with pytest.raises(Died), FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store))
    sink.die = lambda step: None
    with FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store))
    assert source.plans == 1
    assert sorted(sink.rows["s"]) == list(range(100))


def test_an_incremental_run_reads_only_what_is_new(tmp_path):
    sink = Rows()
    for count in (50, 80, 80):
        with FileStore(tmp_path / "s", "numbers") as store:
            run(job(Numbers(count=count), sink, store=store, mode=Mode.INCREMENTAL))
    assert sink.rows["s"] == list(range(80))


def test_a_sink_that_forgot_an_unfinished_load_gets_it_from_its_beginning(tmp_path):
    first = Rows(at_step(9))
    with pytest.raises(Died), FileStore(tmp_path / "s", "numbers") as store:
        run(job(Numbers(), first, store=store, limits=Limits(max_sessions=1)))
    second = Rows()
    with FileStore(tmp_path / "s", "numbers") as store:
        run(job(Numbers(), second, store=store))
    assert sorted(second.rows["s"]) == list(range(100))


@pytest.mark.parametrize("stateful", [1, 3])
def test_a_read_that_never_works_is_tried_as_often_as_was_said_and_no_more(stateful):
    """The reader tries, and so does whoever calls it: what one of them has given up is not begun again by the next."""
    source, tries = Numbers(splits=1, stateful=stateful), []

    def fail(split, row):
        if row >= 14:
            tries.append(row)
            raise TransientError("away")

    source.before_batch = fail
    with pytest.raises(TransientError, match="away"):
        run(job(source, Rows()))
    assert tries == [14] * QUICK.attempts


def test_a_snapshot_that_never_works_is_tried_as_often_as_was_said_and_no_more(tmp_path):
    """Comparing reads within a reader within the engine."""
    for where in ("plan", "read"):
        source, tries = Numbers(splits=1), []

        def fail(*_, tries=tries):
            tries.append(1)
            raise TransientError("away")

        if where == "plan":
            source.plan = fail
        else:
            source.before_batch = fail
        compared = SnapshotDiff(source, tmp_path / where, retry=QUICK)
        with pytest.raises(TransientError, match="away"):
            run(job(compared, Rows(), streams=tuple(compared.discover()), mode=Mode.CHANGES))
        assert len(tries) == QUICK.attempts, where


@pytest.mark.parametrize("stateful", [1, 3])
def test_a_cut_connection_is_resumed_from_the_last_state(stateful):
    source, sink = Numbers(splits=1, stateful=stateful), Rows()
    cuts = {21, 56, 63}

    def cut(split, row):
        if row in cuts:
            cuts.discard(row)
            raise TransientError("cut")

    source.before_batch = cut
    run(job(source, sink, piece_rows=40))
    assert sink.rows["s"] == list(range(100))
    assert not cuts


def test_after_the_last_try_the_error_is_the_sources_and_the_next_run_goes_on(tmp_path):
    source, sink = Numbers(splits=1), Rows()
    down = [True]

    def fail(split, row):
        if row >= 70 and down[0]:
            raise TransientError("the server went away")

    source.before_batch = fail
    with pytest.raises(TransientError, match="went away"), FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store))
    assert sink.rows["s"] == list(range(70))
    down[0] = False
    with FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store))
    assert sink.rows["s"] == list(range(100))


def test_a_commit_that_fails_for_now_is_tried_again_with_the_same_id():
    sink = Rows()
    left = [2]

    def flaky(step):
        if step == "after commit" and left[0]:
            left[0] -= 1
            raise TransientError("timeout")

    sink.die = flaky
    run(job(Numbers(), sink))
    assert sorted(sink.rows["s"]) == list(range(100))


def test_rejects_within_the_budget_are_kept_aside_and_the_rest_arrives(tmp_path):
    source, sink = Numbers(), Rows()
    source.bad, sink.refuse = {5, 50}, {70}
    result = run(job(source, sink, max_rejects=3, rejects=tmp_path / "r.jsonl"))
    assert sorted(sink.rows["s"]) == [n for n in range(100) if n not in (5, 50, 70)]
    assert result.rejects == 3
    assert sorted(line.reject.raw for line in read_rejects(tmp_path / "r.jsonl")) == [b"5", b"50", b"70"]


@pytest.mark.parametrize("write", ["append", "replace"])
def test_over_the_budget_nothing_of_the_piece_is_published(tmp_path, write):
    source, sink = Numbers(splits=1), Rows()
    source.bad = {33}
    with pytest.raises(DataError, match=r"1 rejected record, 0 allowed.*line 33.*bad") as caught:
        run(job(source, sink, write=WriteMode(write), rejects=tmp_path / "r.jsonl"))
    assert caught.value.exit_code == 4
    assert sink.rows.get("s", []) == (list(range(28)) if write == "append" else [])
    assert [line.checkpoint for line in read_rejects(tmp_path / "r.jsonl")] == [0]


def test_rejects_are_neither_lost_nor_repeated_over_deaths(tmp_path):
    for step in range(1, 60):
        path, rejects = tmp_path / f"{step}.json", tmp_path / f"{step}.jsonl"
        source = Numbers(splits=1)
        source.bad = {3, 33, 66, 99}
        sink = Rows(at_step(step))
        try:
            with FileStore(path, "numbers") as store:
                run(job(source, sink, store=store, max_rejects=4, rejects=rejects))
        except Died:
            sink.die = lambda step: None
            with FileStore(path, "numbers") as store:
                run(job(source, sink, store=store, max_rejects=4, rejects=rejects))
        assert [line.reject.raw for line in read_rejects(rejects)] == [b"3", b"33", b"66", b"99"], step
        assert len(sink.rows["s"]) == 96


def test_rows_refused_by_the_commit_count_and_are_kept_aside(tmp_path):
    source, sink = Numbers(), Rows()
    source.bad, sink.refuse_late = {5}, {50, 70}
    result = run(job(source, sink, max_rejects=3, rejects=tmp_path / "r.jsonl"))
    assert (result.rows, result.rejects) == (97, 3)
    assert sorted(sink.rows["s"]) == [n for n in range(100) if n not in (5, 50, 70)]
    assert sorted(line.reject.raw for line in read_rejects(tmp_path / "r.jsonl")) == [b"5", b"50", b"70"]


def test_a_commit_is_told_what_is_left_of_the_budget_and_publishes_nothing_over_it(tmp_path):
    source, sink = Numbers(splits=1), Rows()
    source.bad, sink.refuse_late = {3, 45}, {47}  # each within the budget by itself
    with pytest.raises(DataError):
        run(job(source, sink, max_rejects=2, rejects=tmp_path / "r.jsonl"))
    assert max(sink.rows["s"]) < 45
    kept = [(line.reject.raw, line.checkpoint) for line in read_rejects(tmp_path / "r.jsonl")]
    assert kept[0] == (b"3", 1)
    assert (b"47", 0) in kept


def test_rejects_of_the_commit_are_neither_lost_nor_repeated_over_deaths(tmp_path):
    for step in range(1, 60):
        path, rejects = tmp_path / f"{step}.json", tmp_path / f"{step}.jsonl"
        sink = Rows(at_step(step))
        sink.refuse_late = {3, 66, 99}
        for _ in range(2):
            try:
                with FileStore(path, "numbers") as store:
                    run(job(Numbers(splits=1), sink, store=store, max_rejects=3, rejects=rejects))
                break
            except Died:
                sink.die = lambda step: None
        assert [line.reject.raw for line in read_rejects(rejects)] == [b"3", b"66", b"99"], step
        assert len(sink.rows["s"]) == 97


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_rejects_of_a_replace_that_is_published_are_neither_lost_nor_repeated_over_deaths(tmp_path, mode):
    died = 0
    for step in range(1, 60):
        path, rejects = tmp_path / f"{step}.json", tmp_path / f"{step}.jsonl"
        sink = Rows(at_step(step))
        sink.refuse_late = {3, 66, 99}
        for after in (1, None, None):  # the second run may die as well, at its very first step
            try:
                with FileStore(path, "numbers") as store:
                    asked = {"mode": Mode(mode), "write": WriteMode.REPLACE, "max_rejects": 3, "rejects": rejects}
                    run(job(Numbers(splits=1), sink, store=store, **asked))
                break
            except Died:
                died += 1
                sink.die = at_step(after) if after else lambda step: None
        assert sorted(line.reject.raw for line in read_rejects(rejects)) == [b"3", b"66", b"99"], step
        if mode == "full":  # an incremental run that finds itself finished has nothing new
            assert sorted(sink.rows["s"]) == [n for n in range(100) if n not in sink.refuse_late]
    assert died > 60


def test_rejects_of_a_run_that_begins_anew_count_once(tmp_path):
    source = Numbers(splits=1)
    source.bad = {3}
    with pytest.raises(Died), FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, Rows(at_step(9)), store=store, max_rejects=1))
    with FileStore(tmp_path / "s", "numbers") as store:
        assert store.load().rejects == 1
        forgetful = Rows()
        result = run(job(source, forgetful, store=store, max_rejects=1))
    assert (result.rejects, len(forgetful.rows["s"])) == (1, 99)


def test_rejects_of_a_checkpoint_that_only_the_sink_remembers_count_too(tmp_path):
    source, sink = Numbers(splits=1), Rows()
    source.bad, sink.refuse_late = {3, 99}, {4}
    sink.die = lambda step: (_ for _ in ()).throw(Died) if step == "after commit" else None
    asked = {"max_rejects": 2, "rejects": tmp_path / "r.jsonl"}
    with pytest.raises(Died), FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store, **asked))
    sink.die = lambda step: None
    with pytest.raises(DataError, match="3 rejected records, 2 allowed"), FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store, **asked))


def test_what_was_staged_and_is_gone_is_read_and_written_again(tmp_path):
    source, sink = Numbers(splits=1), Rows()
    source.bad = {3}
    left = [2]

    def lost(step):
        if step == "before commit" and left[0]:
            left[0] -= 1
            sink.staged.clear()
            raise TransientError("restarted", code="staging_lost")

    sink.die = lost
    run(job(source, sink, max_rejects=1, rejects=tmp_path / "r.jsonl"))
    assert sink.rows["s"] == [n for n in range(100) if n != 3]
    assert [line.reject.raw for line in read_rejects(tmp_path / "r.jsonl")] == [b"3"]


def test_rows_that_come_once_are_written_again_after_a_failure():
    for write in ("append", "replace"):
        for step in range(1, 40):
            sink, left = Rows(), [step]

            def flaky(name, left=left):
                left[0] -= 1
                if left[0] == 0:
                    raise TransientError(name)

            sink.die = flaky
            batches = [pa.RecordBatch.from_pydict({"n": [n], "half": [None]}, SCHEMA) for n in range(30)]
            source = TableSource("s", iter(batches))
            run(job(source, sink, streams=tuple(source.discover()), write=WriteMode(write)))
            assert sink.rows["s"] == list(range(30)), (write, step)


def test_a_stop_commits_what_was_read_and_the_next_run_goes_on(tmp_path):
    source, sink, stop = Numbers(count=1000, splits=2), Rows(), Stop()

    def ask(split, row):
        if row > 200:
            stop.request(2)

    source.before_batch = ask
    with pytest.raises(Stopped) as caught, FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store, stop=stop))
    assert caught.value.exit_code == 130
    assert 90 < len(sink.rows["s"]) < 400
    source.before_batch = lambda split, row: None
    with FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store))
    assert sorted(sink.rows["s"]) == list(range(1000))


def test_one_split_failing_ends_the_others_at_their_next_batch():
    source, sink = Numbers(count=10_000, splits=2, size=5), Rows()

    def fail(split, row):
        if split.id == "s-0of2" and row > 100:
            raise InternalError("a defect")

    source.before_batch = fail
    with pytest.raises(InternalError, match="a defect"):
        run(job(source, sink))
    assert len(sink.rows["s"]) < 9_000
    assert source.reading == 0


def test_a_limit_is_per_stream_and_saves_nothing(tmp_path):
    source, sink = Numbers(names=("a", "b"), splits=2), Rows()
    with FileStore(tmp_path / "s", "numbers") as store:
        result = run(job(source, sink, streams=(stream("a"), stream("b")), limit=12, store=store))
    assert {name: len(rows) for name, rows in sink.rows.items()} == {"a": 12, "b": 12}
    assert result.rows == 24
    assert not (tmp_path / "s").exists()
    assert source.acks == []


def test_rows_of_a_piece_that_is_written_again_do_not_use_up_the_limit():
    sink, left = Rows(), [1]

    def flaky(step):
        if step == "staged" and left[0]:
            left[0] -= 1
            raise TransientError("timeout")

    sink.die = flaky
    result = run(job(Numbers(splits=1), sink, limit=12))
    assert (result.rows, len(sink.rows["s"])) == (12, 12)


def test_a_predicate_that_was_left_is_evaluated_and_its_columns_are_not_handed_on():
    source, sink = Numbers(), Rows()
    run(job(source, sink, where={"s": parse_where("half >= 10 AND half < 12.5")}, columns={"s": ("n",)}))
    assert sorted(sink.rows["s"]) == [20, 21, 22, 23, 24]


def test_the_source_hears_of_commits_and_of_the_state_a_run_starts_from(tmp_path):
    source, sink = Numbers(splits=1), Rows(at_step(20))
    with pytest.raises(Died), FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store))
    committed = max(checkpoint.states["s-0of1"]["next"] for checkpoint in sink.checkpoints.values())
    sink.die = lambda step: None
    source.acks.clear()
    with FileStore(tmp_path / "s", "numbers") as store:
        run(job(source, sink, store=store))
    assert source.acks[0] == ("s-0of1", committed)
    assert source.acks[-1] == ("s-0of1", 100)


def test_a_replace_is_acknowledged_only_when_it_is_published():
    source, sink = Numbers(splits=1), Rows()
    source.before_batch = lambda split, row: (_ for _ in ()).throw(AssertionError) if source.acks else None
    run(job(source, sink, write=WriteMode.REPLACE))
    assert source.acks == [("s-0of1", 100)]


def test_rows_after_the_last_state_are_a_defect_not_a_loss():
    source, sink = Numbers(splits=1, stateful=3), Rows()
    original = source.read

    def stateless(split, state, until=None):
        for batch in original(split, state, until):
            yield replace(batch, state=None)

    source.read = stateless
    with pytest.raises(InternalError, match="carries no state"):
        run(job(source, sink))
    assert not sink.rows


def test_memory_holds_one_batch_per_split_however_slow_the_sink_is():
    source, sink = Numbers(count=3000, splits=3, size=10), Rows()
    produced: dict[str, int] = {}
    taken = threading.Event()

    def count(split, row):
        produced[split.id] = produced.get(split.id, 0) + 1

    source.before_batch = count
    sink.die = lambda step: taken.wait(0.2) if step == "batch" and not taken.is_set() else None
    thread = threading.Thread(target=run, args=[job(source, sink)])
    thread.start()
    wait_until(lambda: len(produced) == 3)
    assert max(produced.values()) == 1
    taken.set()
    thread.join()
    assert len(sink.rows["s"]) == 3000


def test_what_a_stream_does_not_offer_is_said_before_anything_happens():
    with pytest.raises(ConfigError, match="does not offer changes reads"):
        run(job(Numbers(), Rows(), mode=Mode.CHANGES))
    with pytest.raises(ConfigError, match="has no field 'x'"):
        run(job(Numbers(), Rows(), columns={"s": ("x",)}))
    keyless = replace(stream(), keys=())
    with pytest.raises(ConfigError, match="has no key, and upsert needs one"):
        run(job(Numbers(), Rows(), streams=(keyless,), write=WriteMode.UPSERT))
    logged = replace(stream(), schema=pa.schema([*stream().schema, ("_op", pa.string())]), reads=frozenset({Mode.CHANGES}))
    with pytest.raises(ConfigError, match="has fields of its own called _op"):
        run(job(Numbers(), Rows(), streams=(logged,), mode=Mode.CHANGES))


def test_a_state_of_another_mode_is_refused(tmp_path):
    with FileStore(tmp_path / "s", "numbers") as store:
        run(job(Numbers(), Rows(), store=store))
    with FileStore(tmp_path / "s", "numbers") as store, pytest.raises(ConfigError, match="state is of full reads"):
        run(job(Numbers(), Rows(), store=store, mode=Mode.INCREMENTAL))


def test_events_tell_the_whole_story():
    events: list[Event] = []
    run(job(Numbers(), Rows(), listener=events.append))
    names = [type(event).__name__ for event in events]
    assert names[0] == "RunStarted"
    assert names[-1] == "RunFinished"
    assert names.count("SplitStarted") == names.count("SplitFinished") == 3
    assert sum(event.rows for event in events if type(event).__name__ == "Committed") == 100
    assert all("event" in to_json(event) for event in events)


def test_max_rate_spreads_rows_over_time():
    import time

    started = time.monotonic()
    run(job(Numbers(count=40), Rows(), limits=Limits(max_rate=200)))
    assert time.monotonic() - started > 0.1


def test_quiet_hours_end_a_run_before_it_begins(monkeypatch):
    with pytest.raises(TransientError, match="quiet hours") as caught:
        run(job(Numbers(), Rows(), limits=Limits(quiet_hours="00:00-23:59")))
    assert caught.value.retry_after is not None


def test_a_state_file_names_its_run(tmp_path: Path):
    with FileStore(tmp_path / "s", "numbers") as store:
        one = run(job(Numbers(), Rows(), store=store))
        assert store.load().done
        assert store.load().checkpoint == one.checkpoint


def test_an_unfinished_full_read_is_not_gone_on_with_as_another(tmp_path):
    sink = Rows(at_step(9))
    with pytest.raises(Died), FileStore(tmp_path / "s", "numbers") as store:
        run(job(Numbers(), sink, store=store))
    sink.die = lambda step: None
    with FileStore(tmp_path / "s", "numbers") as store, pytest.raises(ConfigError, match="unfinished full read of s,"):
        run(job(Numbers(), sink, store=store, columns={"s": ("n",)}))
    with FileStore(tmp_path / "s", "numbers") as store:
        run(job(Numbers(), sink, store=store))
    assert sorted(sink.rows["s"]) == list(range(100))


def test_the_hint_names_the_reject_file(tmp_path):
    source = Numbers()
    source.bad = {5}
    with pytest.raises(DataError, match=r"look at .*r\.jsonl; max_rejects=1 would allow as many"):
        run(job(source, Rows(), rejects=tmp_path / "r.jsonl"))
    with pytest.raises(DataError) as alone:
        run(job(source, Rows()))
    assert alone.value.hint == "max_rejects=1 would allow as many"
