"""With an index every file is known: late, replaced and renamed ones, among as many as there are, in a small state."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
from connector_sdk.contract import STATE_LIMIT, State
from connector_sdk.errors import ConfigError, StateInvalidError
from connector_sdk.runtime.folder import Entry
from connector_sftp.fingerprint import HEAD, Content
from connector_sftp.ledger import ExactLedger, InStateLedger, Position, exact
from connector_sftp.ledger.segments import Row, Segment, Shelf, merged
from hypothesis import given, settings
from hypothesis import strategies as st


def ledger(index: Path, state: State | None = None, **more: str) -> ExactLedger:
    """One that went through JSON."""
    state = None if state is None else json.loads(json.dumps(state))
    return ExactLedger(state, index=index, split=more.get("split", "s"), lanes=more.get("lanes", "one"), compares=True)


def holding(entry: Entry, data: bytes) -> Content:
    def opener(offset: int) -> io.BytesIO:
        file = io.BytesIO(data)
        file.seek(offset)
        return file

    return Content(entry, opener)


def entry(name: str, data: bytes = b"", mtime: float = 1.0) -> Entry:
    return Entry(name=name, size=len(data), mtime=mtime)


def test_fifty_thousand_files_are_known_exactly_and_the_state_stays_small(tmp_path: Path) -> None:
    listed = [Entry(name=f"drop-{n:06}.csv", size=n % 900, mtime=1.7e9 + n // 3) for n in range(50_000)]
    known = ledger(tmp_path)
    assert known.new(listed) == listed
    largest = 0
    for number, one in enumerate(listed):
        known.finish(one)
        if number % 501 == 0:
            known.position = Position(name=one.name * 20, size=1, mtime=1.0, offset=2)
            largest = max(largest, len(json.dumps(known.state())))
    assert largest < STATE_LIMIT * 0.75
    known = ledger(tmp_path, known.state())
    assert known.new(listed) == []
    late = [Entry(name=f"late-{n}.csv", size=1, mtime=float(n)) for n in range(50)]
    replaced = [
        Entry(name="drop-000000.csv", size=1, mtime=listed[0].mtime),
        Entry(name="drop-025000.csv", size=listed[25_000].size, mtime=0.5),
        Entry(name="drop-049999.csv", size=listed[-1].size, mtime=2e9),
    ]
    rest = [one for one in listed if one.name not in {r.name for r in replaced}]
    random.Random(1).shuffle(rest)
    found = known.new([*rest[:20_000], *late, *rest[20_000:], *replaced])
    assert found == sorted([*late, *replaced], key=lambda one: (one.mtime, one.name))
    for one in found:
        known.finish(one)
    known = ledger(tmp_path, known.state())
    assert known.new([*rest, *late, *replaced]) == []
    assert known.new([listed[0]]) == [listed[0]], "what was read last under a name is what counts"
    known.forget()
    files = sorted((tmp_path / "file-ledgers").rglob("*.files"))
    assert len(files) == len(known.state()["index"]) <= 10
    assert sum(path.stat().st_size for path in files) < 64 * 50_100 + 64 * 10


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_is_what_a_dictionary_would_be(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    index = tmp_path_factory.mktemp("index")
    model: dict[str, Entry] = {}
    known = ledger(index)
    recent, exact.RECENT = exact.RECENT, data.draw(st.integers(1, 4))
    try:
        for _ in range(data.draw(st.integers(1, 8))):
            names = data.draw(st.sets(st.integers(0, 40)))
            listed = [
                Entry(name=f"f{n}", size=data.draw(st.integers(0, 2)), mtime=float(data.draw(st.integers(0, 2)))) for n in names
            ]
            fresh = known.new(listed)
            assert set(fresh) == {one for one in listed if model.get(one.name) != one}
            assert fresh == sorted(fresh, key=lambda one: (one.mtime, one.name))
            assert set(known.known(listed)) == set(listed) - set(fresh)
            for one in fresh[: data.draw(st.integers(0, len(fresh)))]:
                known.finish(one)
                model[one.name] = one
            if data.draw(st.booleans()):
                known = ledger(index, known.state())
            if data.draw(st.booleans()):
                known.forget()
    finally:
        exact.RECENT = recent


def test_names_whose_hashes_begin_alike_are_told_apart() -> None:
    rows = np.array([Row(7, low, low, 0, 0, 0, 0, 2 * low) for low in (5, 3, 9)] + [Row(1, 1, 1, 0, 0, 0, 0, 8)], np.uint64).T
    segment = Segment.__new__(Segment)
    segment.columns = merged([rows])
    at = segment.latest(np.array([1, 7, 7, 7, 7, 8], np.uint64), np.array([1, 3, 4, 5, 9, 0], np.uint64))
    assert [int(segment.columns[1, place]) if place >= 0 else None for place in at] == [1, 3, None, 5, 9, None]


# -- copies ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flushed", [False, True])
def test_a_copy_is_known_by_its_content_however_many_files_are_of_its_size(tmp_path: Path, flushed: bool) -> None:
    known = ledger(tmp_path)
    contents = {f"a{n:03}": b"%06d" % n * 20_000 for n in range(300 if flushed else 20)}
    for name, data in contents.items():
        one = entry(name, data)
        assert not known.is_copy(one, holding(one, data))
        known.finish(one, holding(one, data))
    known = ledger(tmp_path, known.state())
    copy = entry("b", contents["a007"], mtime=9.0)
    assert known.is_copy(copy, holding(copy, contents["a007"]))
    other = contents["a007"][:-1] + b"x"
    assert not known.is_copy(copy, holding(copy, other)), "the same but for its last byte"
    longer = contents["a007"] + b"x"
    assert not known.is_copy(entry("b", longer), holding(entry("b", longer), longer))


def test_a_name_is_compared_with_what_was_last_read_under_it(tmp_path: Path) -> None:
    known = ledger(tmp_path)
    for time, data in enumerate((b"first", b"other")):
        one = entry("a", data, float(time))
        assert not known.is_copy(one, holding(one, data))
        known.finish(one, holding(one, data))
    touched, back = entry("a", b"other", 7.0), entry("a", b"first", 8.0)
    assert known.is_copy(touched, holding(touched, b"other")), "only its time is another"
    assert not known.is_copy(back, holding(back, b"first")), "the rows of the first delivery count again"
    renamed = entry("b", b"first", 9.0)
    assert known.is_copy(renamed, holding(renamed, b"first"))


def test_only_where_the_beginning_is_alike_is_the_rest_looked_at(tmp_path: Path) -> None:
    known = ledger(tmp_path)
    size = 4 * HEAD
    data = bytes(size)
    known.finish(entry("a", data), holding(entry("a", data), data))
    read = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            read.append(len(data))
            return data

    for different in (0, size - 1):
        changed = bytearray(data)
        changed[different] = 1
        one = entry("b", data, 2.0)
        content = Content(one, lambda _, changed=bytes(changed): Counted(changed))
        read.clear()
        assert not known.is_copy(one, content)
        assert sum(read) == (HEAD if different == 0 else size)
        read.clear()
        reader = content(0)
        while reader.read(10_000):
            pass
        known_now = content.fingerprint()
        assert known_now is not None
        assert sum(read) <= size, "nothing is read twice for the fingerprint"
        assert known_now == holding(one, bytes(changed)).fingerprint()


def test_a_file_that_changed_while_it_was_read_has_no_fingerprint() -> None:
    assert holding(Entry(name="a", size=3, mtime=1.0), b"four").fingerprint() is None

    def gone(offset: int) -> io.BytesIO:
        raise ConfigError("there is no such file")

    assert Content(entry("a", b"abc"), gone).fingerprint() is None


# -- states ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["one", "name"])
def test_a_ledger_in_a_state_is_gone_on_from(tmp_path: Path, split: str) -> None:
    listed = [Entry(name=f"{n}", size=n, mtime=float(n)) for n in range(9_000)]
    old = InStateLedger()
    old.new(listed)
    for one in listed[:8_500]:
        old.finish(one)
    old.position = Position(name="8600", size=8_600, mtime=8600.0, offset=5)
    assert old.floor is not None
    known = ledger(tmp_path, old.state(), lanes=split)
    assert list(known.known(listed[8_000:8_510])) == listed[8_000:8_500]
    assert known.new(listed) == [listed[8_600], *listed[8_500:8_600], *listed[8_601:]]
    known = ledger(tmp_path, known.state(), lanes=split)
    assert known.new([*listed, entry("late", mtime=3.0)])[1] == entry("late", mtime=3.0)
    with pytest.raises(StateInvalidError, match="other settings"):
        ledger(tmp_path, old.state(), lanes="size")
    with pytest.raises(StateInvalidError, match="other settings"):
        ledger(tmp_path, known.state(), lanes="size")


@pytest.mark.parametrize(
    "change", [{"history": "../../x"}, {"index": [[1, "../x", 1, 1]]}, {"recent": "QQ=="}, {"seq": None}, {"v": 3}]
)
def test_a_state_of_somebody_else_is_not_gone_on_from(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(StateInvalidError):
        ledger(tmp_path, {**ledger(tmp_path).state(), **change})


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_lies_between_two_states_is_found_again(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng, index = random.Random(seed), tmp_path_factory.mktemp("index")
    recent, exact.RECENT = exact.RECENT, 3
    try:
        known, read, states = ledger(index), [], []
        listed = [Entry(name=f"f{n}", size=rng.randrange(3), mtime=float(rng.randrange(5))) for n in range(rng.randrange(1, 30))]
        copies = set(rng.sample(listed, len(listed) // 5))
        for one in listed:
            states.append((len(read), known.state()))
            known.finish(one, copy=one in copies)
            read += [] if one in copies else [one]
        states.append((len(read), known.state()))
        for _ in range(6):
            first, last = sorted(rng.choices(range(len(states)), k=2))
            (start, before), (end, after) = states[first], states[last]
            assert ledger(index, before).between(after, listed) == read[start:end]
            if end > start:
                gone = rng.choice(read[start:end])
                with pytest.raises(StateInvalidError, match="1 of the files"):
                    ledger(index, before).between(after, [one for one in listed if one != gone])
    finally:
        exact.RECENT = recent


def test_a_million_listed_files_are_held_only_as_far_as_they_are_read_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "HELD", 100)
    monkeypatch.setattr(exact, "CHUNK", 64)
    listed = [Entry(name=f"{n}", size=1, mtime=float(n * 7919 % 1000)) for n in range(1000)]
    known, read = ledger(tmp_path), []
    while True:
        fresh = known.new(iter(listed))
        assert len(fresh) <= 100
        for one in fresh:
            known.finish(one)
        read += fresh
        if not known.more:
            break
    assert read == sorted(listed, key=lambda one: one.mtime)


# -- files of the index ------------------------------------------------------------------------------------------------------


def written(index: Path) -> tuple[State, list[Path]]:
    known = ledger(index)
    for n in range(1600):
        known.finish(Entry(name=f"{n}", size=n, mtime=1.0))
    return known.state(), sorted((index / "file-ledgers").rglob("*.files"))


def test_only_a_later_state_that_is_acknowledged_removes_what_the_ones_before_needed(tmp_path: Path) -> None:
    state, files = written(tmp_path)
    assert len(files) == 3
    fork = ledger(tmp_path, state)
    for n in range(1600):
        fork.finish(Entry(name=f"fork {n}", size=n, mtime=1.0))
    ledger(tmp_path, state).forget()
    kept = set((tmp_path / "file-ledgers").rglob("*.files"))
    assert len(kept) > 2, "what a later state may name stays"
    assert len(ledger(tmp_path, state).new([Entry(name="7", size=7, mtime=1.0)])) == 0
    left = next(iter(kept)).parent / ".new-00000002-0123456789abcdef0123456789abcdef"
    left.write_bytes(b"unfinished")
    fork.forget()
    assert not left.exists()
    with pytest.raises(StateInvalidError, match="is missing"):
        ledger(tmp_path, state).new([Entry(name="7", size=7, mtime=1.0)])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.unlink, "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, .* were written"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:]), "its content has changed"),
        (lambda path: path.write_bytes(b""), "0 bytes"),
    ],
    ids=["missing", "cut", "flipped", "emptied"],
)
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, harm: object, said: str) -> None:
    state, _ = written(tmp_path)
    needed = {digest for _, digest, _, _ in state["index"]}
    path = next(path for path in (tmp_path / "file-ledgers").rglob("*.files") if path.stem.split("-")[1] in needed)
    harm(path)
    with pytest.raises(StateInvalidError, match=said) as caught:
        ledger(tmp_path, state).new([entry("a")])
    assert path.name in str(caught.value)
    assert caught.value.exit_code == 6


def test_the_folder_of_a_ledger_is_a_plain_name(tmp_path: Path) -> None:
    assert Shelf(tmp_path, "../orders:incremental:3", "0" * 16).folder.parent.parent == tmp_path / "file-ledgers"
