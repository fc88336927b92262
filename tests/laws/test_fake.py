"""The fake connector keeps every law; connectors that can do less are told apart from connectors that do it badly."""

import json
import subprocess
import sys
from datetime import date

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.schema import Stream
from connector_sdk.testing.fake_simulator import FakeSimulator
from connector_sdk.testing.fakes import FakeConnector
from connector_sdk.testing.laws import LAWS, certify, check_law, law_tests

from tests.laws.broken import ReadsOnly, WritesOnly

test_the_fake_connector_keeps = law_tests(FakeConnector, crash_points=25)


def test_a_source_only_is_not_asked_to_write():
    certificate = certify(ReadsOnly, crash_points=2)
    verdicts = {result.law: result.verdict for result in certificate.results}
    assert certificate.kept
    assert {law for law, verdict in verdicts.items() if verdict == "not offered"} == {4, 5, 11}
    assert all(result.detail for result in certificate.results)


def test_a_sink_only_is_not_asked_to_read():
    certificate = certify(WritesOnly, crash_points=2)
    kept = {result.law for result in certificate.results if result.verdict == "kept"}
    assert certificate.kept
    assert kept == {5, 6, 7, 9}


def test_a_live_system_is_only_read():
    with FakeSimulator() as simulator:
        before = simulator.system.file.read_bytes()
        certificate = certify(FakeConnector, simulator.config)
        assert simulator.system.file.read_bytes() == before
    verdicts = {result.law: result.verdict for result in certificate.results}
    assert certificate.kept
    assert certificate.live
    assert {law for law, verdict in verdicts.items() if verdict == "kept"} == {1, 2, 4, 7, 9, 12}
    assert "a live system is only read" in certificate.results[4].detail


def test_no_law_can_be_left_out():
    assert [law.number for law in LAWS] == list(range(1, 13))
    assert isinstance(LAWS, tuple)
    (mark,) = test_the_fake_connector_keeps.pytestmark
    assert mark.args[1] is LAWS


def test_a_connector_without_a_simulator_says_what_to_do():
    class Bare(FakeConnector):
        simulator = None

    with pytest.raises(ConfigError, match="names no simulator.*-c FILE"):
        certify(Bare)


def test_a_connector_that_falls_over_breaks_the_law_and_not_the_kit():
    class Falls(FakeConnector):
        def discover(self, only=None):
            raise ZeroDivisionError("oh")

    result = check_law(1, Falls)
    assert result.verdict == "broken"
    assert "ZeroDivisionError: oh" in result.detail


def test_a_class_that_cannot_be_imported_is_told_why_law_6_cannot_run():
    class Local(FakeConnector):
        pass

    assert "cannot be imported" in check_law(6, Local).detail


def test_the_certificate_is_for_people_and_for_programs():
    told = []
    certificate = certify(ReadsOnly, listener=told.append, crash_points=2)
    assert tuple(told) == certificate.results
    value = json.loads(json.dumps(certificate.to_json()))
    assert value["kept"] is True
    assert [result["law"] for result in value["results"]] == list(range(1, 13))
    text = certificate.to_text()
    assert all(law.title in text for law in LAWS)
    assert text.endswith("9 kept, 3 not offered")


def test_certify_needs_neither_pytest_nor_hypothesis():
    program = (
        "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None;"
        "from connector_sdk.testing.laws import check_law; from connector_sdk.testing.fakes import FakeConnector;"
        "assert check_law(1, FakeConnector).verdict == 'kept'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_pytest_plugin_is_light():
    program = (
        "import sys; import connector_sdk.testing.pytest_plugin;"
        "heavy = {'pyarrow', 'pydantic', 'numpy', 'pandas', 'click', 'paramiko'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_only_the_simulator_can_say_that_a_law_cannot_be_shown():
    class Unaltered(FakeSimulator):
        def alter(self, stream):
            raise NotImplementedError("its shape is set in stone")

    class Modest(FakeConnector):
        simulator = Unaltered

    class Unfinished(FakeConnector):
        def read(self, split, state, until=None):
            raise NotImplementedError("later")

    shown = check_law(10, Modest)
    assert shown.verdict == "not offered"
    assert "its shape is set in stone" in shown.detail
    assert check_law(1, Unfinished).verdict == "broken"


NAMES = pa.schema([pa.field("größe", pa.string()), pa.field('say "hi"', pa.int64()), pa.field("é", pa.date32())])


def test_fields_may_have_any_name_and_a_system_may_say_which_rows_it_can_hold():
    row = {"größe": "XL", 'say "hi"': 1, "é": date(2026, 1, 1)}
    stream = Stream(name="names", schema=NAMES)
    with FakeSimulator(streams=(stream,), rows=3, sample=lambda _stream, number, _seed: row | {'say "hi"': number}) as simulator:
        assert simulator.rows("names").to_pylist() == [row | {'say "hi"': number} for number in range(3)]
