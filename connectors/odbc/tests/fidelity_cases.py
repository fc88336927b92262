"""What databases hold that drivers get wrong, as data: a column, a literal of SQL, and what it is in Arrow, or why it is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """`literal` in a column declared `native` is `value`, of Arrow's type `type`; or, if `raw` is given, it is refused with that
    text. `noted`: the field's doc says what of the native type is lost. `apart`: in a table of its own, for its size."""

    name: str
    native: str
    literal: str
    type: str
    value: Any = None
    raw: str | None = None
    noted: bool = False
    apart: bool = False


def _case(name: str, native: str, literal: str, type: str, value: Any = None, **more: Any) -> Case:  # noqa: A002
    return Case(name=name, native=native, literal=literal, type=type, value=value, **more)


EMOJI = "a😀é\u0301中"
WIDE = Decimal("12345678901234567890123456789.123456789")
POSTGRESQL: Sequence[Case] = (
    _case(
        "numeric_38_10",
        "numeric(38,10)",
        "1234567890123456789012345678.0123456789",
        "decimal128(38, 10)",
        Decimal("1234567890123456789012345678.0123456789"),
    ),
    _case("numeric_18_2", "numeric(18,2)", "-0.10", "decimal128(18, 2)", Decimal("-0.10")),
    _case(
        "numeric_60_20",
        "numeric(60,20)",
        "1234567890123456789012345678901234567890.01234567890123456789",
        "decimal256(60, 20)",
        Decimal("1234567890123456789012345678901234567890.01234567890123456789"),
    ),
    _case("numeric_small_scale", "numeric(3,5)", "0.00123", "decimal128(5, 5)", Decimal("0.00123")),
    _case("numeric_negative_scale", "numeric(3,-2)", "99900", "decimal128(5, 0)", Decimal(99900)),
    _case("numeric_free", "numeric", "0.00000000000000000001", "string", "0.00000000000000000001", noted=True),
    _case(
        "numeric_free_big",
        "numeric",
        "123456789012345678901234567890.5",
        "string",
        "123456789012345678901234567890.5",
        noted=True,
    ),
    _case("numeric_free_nan", "numeric", "'NaN'", "string", "NaN", noted=True),
    _case("numeric_nan", "numeric(10,2)", "'NaN'", "decimal128(10, 2)", raw="NaN"),
    _case("numeric_infinity", "numeric", "'-Infinity'", "string", "-Infinity", noted=True),
    _case("double", "double precision", "0.1234567890123456789", "double", 0.1234567890123456789),
    _case("double_least", "double precision", "5e-324", "double", 5e-324),
    _case("double_most", "double precision", "1.7976931348623157e308", "double", 1.7976931348623157e308),
    _case("double_infinity", "double precision", "'-Infinity'", "double", float("-inf")),
    _case("double_nan", "double precision", "'NaN'", "double", float("nan")),
    _case("double_negative_zero", "double precision", "'-0'", "double", -0.0),
    _case("real", "real", "0.3", "float", 0.30000001192092896),
    _case("real_rounded_twice", "real", "7.038531e-26", "float", 7.038530691851209e-26),
    _case("smallint", "smallint", "-32768", "int16", -32768),
    _case("integer", "integer", "2147483647", "int32", 2147483647),
    _case("bigint", "bigint", "-9223372036854775808", "int64", -(2**63)),
    _case("oid", "oid", "4294967295", "uint32", 4294967295),
    _case("boolean_true", "boolean", "true", "bool", True),
    _case("boolean_false", "boolean", "false", "bool", False),
    _case("bit_1", "bit(1)", "B'1'", "string", "1", noted=True),
    _case("bit_5", "bit(5)", "B'10101'", "string", "10101", noted=True),
    _case("bit_varying", "bit varying", "B'1010101010101'", "string", "1010101010101", noted=True),
    _case("uuid", "uuid", "'6F9619FF-8B86-D011-B42D-00CF4FC964FF'", "string", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    _case("json", "json", "'{\"a\" :  1.0}'", "string", '{"a" :  1.0}'),
    _case("jsonb", "jsonb", '\'{"b": 1.10, "a": null}\'', "string", '{"a": null, "b": 1.10}'),
    _case("xml", "xml", "'<a>é</a>'", "string", "<a>é</a>", noted=True),
    _case("array", "integer[]", "'{1,NULL,-3}'", "string", "{1,NULL,-3}", noted=True),
    _case("array_of_text", "text[]", "array['a,b', 'c\"d', null, '']", "string", '{"a,b","c\\"d",NULL,""}', noted=True),
    _case("range", "int4range", "'[1,5)'", "string", "[1,5)", noted=True),
    _case("tstzrange", "tstzrange", "'[2024-01-01 00:00+02,)'", "string", '["2023-12-31 22:00:00+00",)', noted=True),
    _case("point", "point", "'(1.5,-2)'", "string", "(1.5,-2)", noted=True),
    _case("inet", "inet", "'10.0.0.1/8'", "string", "10.0.0.1/8", noted=True),
    _case("macaddr", "macaddr", "'08:00:2b:01:02:03'", "string", "08:00:2b:01:02:03", noted=True),
    _case("money", "money", "'-1234.56'", "decimal128(21, 2)", Decimal("-1234.56"), noted=True),
    _case("money_most", "money", "'92233720368547758.07'", "decimal128(21, 2)", Decimal("92233720368547758.07"), noted=True),
    _case("interval", "interval", "'1 year -2 days 03:04:05.000006'", "string", "1 year -2 days +03:04:05.000006", noted=True),
    _case("bytea", "bytea", "'\\x00ff0102'", "binary", b"\x00\xff\x01\x02"),
    _case("bytea_empty", "bytea", "''", "binary", b""),
    _case("text_emoji", "text", f"'{EMOJI}'", "string", EMOJI),
    _case("text_empty", "text", "''", "string", ""),
    _case("text_quotes", "text", "'it''s \"?\" {fn x} \\'", "string", 'it\'s "?" {fn x} \\'),
    _case("text_control", "text", "E'a\\u0001b\\r\\n\\tc'", "string", "a\x01b\r\n\tc"),
    _case("varchar_emoji", "character varying(10)", "'😀😀😀😀😀😀😀😀😀😀'", "string", "😀" * 10),
    _case("varchar_trailing", "character varying(10)", "'a  '", "string", "a  "),
    _case("char_padded", "character(5)", "'ab'", "string", "ab   "),
    _case("char_padded_emoji", "character(5)", "'😀'", "string", "😀    "),
    _case("name", "name", "'pg_class'", "string", "pg_class"),
    _case("enum", "mood", "'so, so'", "string", "so, so"),
    _case("domain", "posint", "7", "int32", 7),
    _case("composite", "pair", "row(1, 'a\"b')", "string", '(1,"a""b")', noted=True),
    _case(
        "timestamp",
        "timestamp",
        "'2024-02-29 12:34:56.123456'",
        "timestamp[us]",
        datetime(2024, 2, 29, 12, 34, 56, 123456),
        noted=True,
    ),
    _case(
        "timestamp_3",
        "timestamp(3)",
        "'2024-02-29 12:34:56.123456'",
        "timestamp[us]",
        datetime(2024, 2, 29, 12, 34, 56, 123000),
        noted=True,
    ),
    _case(
        "timestamp_first", "timestamp", "'0001-01-01 00:00:00.000001'", "timestamp[us]", datetime(1, 1, 1, 0, 0, 0, 1), noted=True
    ),
    _case(
        "timestamp_last",
        "timestamp",
        "'9999-12-31 23:59:59.999999'",
        "timestamp[us]",
        datetime(9999, 12, 31, 23, 59, 59, 999999),
        noted=True,
    ),
    _case("timestamp_infinity", "timestamp", "'infinity'", "timestamp[us]", raw="infinity", noted=True),
    _case("timestamp_bc", "timestamp", "'0044-03-15 12:00 BC'", "timestamp[us]", raw="0044-03-15 12:00:00 BC", noted=True),
    _case(
        "timestamp_far",
        "timestamp",
        "'294276-12-31 23:59:59.999999'",
        "timestamp[us]",
        raw="294276-12-31 23:59:59.999999",
        noted=True,
    ),
    _case(
        "timestamptz",
        "timestamptz",
        "'2024-07-01 08:30:00.5+02'",
        "timestamp[us, tz=UTC]",
        datetime(2024, 7, 1, 6, 30, 0, 500000, UTC),
        noted=True,
    ),
    _case("timestamptz_minus_infinity", "timestamptz", "'-infinity'", "timestamp[us, tz=UTC]", raw="-infinity", noted=True),
    _case("date", "date", "'1582-10-10'", "date32[day]", date(1582, 10, 10), noted=True),
    _case("date_bc", "date", "'0044-03-15 BC'", "date32[day]", raw="0044-03-15 BC", noted=True),
    _case("date_infinity", "date", "'infinity'", "date32[day]", raw="infinity", noted=True),
    _case("date_far", "date", "'10000-01-01'", "date32[day]", raw="10000-01-01", noted=True),
    _case("time", "time", "'23:59:59.999999'", "time64[us]", time(23, 59, 59, 999999), noted=True),
    _case("time_24", "time", "'24:00'", "time64[us]", raw="24:00:00", noted=True),
    _case("timetz", "timetz", "'12:34:56.5+05:30'", "string", "12:34:56.5+05:30", noted=True),
    _case("tsvector", "tsvector", "'a:1 b:2'", "string", "'a':1 'b':2", noted=True),
    _case("text_100_kb", "text", "repeat('aé😀b', 12800)", "string", "aé😀b" * 12800, apart=True),
    _case("text_10_mb", "text", "repeat('0123456789', 1048576)", "string", "0123456789" * 1048576, apart=True),
    _case("varchar_100_kb", "character varying", "repeat('x', 102400)", "string", "x" * 102400, apart=True),
    _case("bytea_10_mb", "bytea", "decode(repeat('00ff', 5242880), 'hex')", "binary", b"\x00\xff" * 5242880, apart=True),
    _case("char_wide", "character(3000)", "'ab'", "string", "ab".ljust(3000), apart=True),
)

MARIADB: Sequence[Case] = (
    _case(
        "decimal_38_10",
        "decimal(38,10)",
        "1234567890123456789012345678.0123456789",
        "decimal128(38, 10)",
        Decimal("1234567890123456789012345678.0123456789"),
    ),
    _case(
        "decimal_65_30",
        "decimal(65,30)",
        "12345678901234567890123456789012345.123456789012345678901234567890",
        "decimal256(65, 30)",
        Decimal("12345678901234567890123456789012345.123456789012345678901234567890"),
    ),
    _case("decimal_18_2", "decimal(18,2)", "-0.10", "decimal128(18, 2)", Decimal("-0.10")),
    _case("decimal_unsigned", "decimal(5,2) unsigned", "999.99", "decimal128(5, 2)", Decimal("999.99")),
    _case("double", "double", "0.12345678901234567", "double", 0.12345678901234567),
    _case("double_most", "double", "1.7976931348623157e308", "double", 1.7976931348623157e308),
    _case("double_least", "double", "2.2250738585072014e-308", "double", 2.2250738585072014e-308),
    _case("float", "float", "0.3", "float", 0.30000001192092896),
    _case("tinyint", "tinyint", "-128", "int8", -128),
    _case("tinyint_1", "tinyint(1)", "2", "int8", 2),
    _case("smallint", "smallint", "-32768", "int16", -32768),
    _case("mediumint", "mediumint", "-8388608", "int32", -8388608),
    _case("int", "int", "-2147483648", "int32", -2147483648),
    _case("bigint", "bigint", "-9223372036854775808", "int64", -(2**63)),
    _case("tinyint_unsigned", "tinyint unsigned", "255", "uint8", 255),
    _case("smallint_unsigned", "smallint unsigned", "65535", "uint16", 65535),
    _case("mediumint_unsigned", "mediumint unsigned", "16777215", "uint32", 16777215),
    _case("int_unsigned", "int unsigned", "4294967295", "uint32", 4294967295),
    _case("int_zerofill", "int(6) unsigned zerofill", "42", "uint32", 42),
    _case("bigint_unsigned", "bigint unsigned", "18446744073709551615", "uint64", 2**64 - 1),
    _case("bit_1", "bit(1)", "b'1'", "bool", True),
    _case("bit_8", "bit(8)", "b'00000101'", "string", "00000101", noted=True),
    _case("bit_64", "bit(64)", "b'" + "1" * 64 + "'", "string", "1" * 64, noted=True),
    _case("year", "year", "1901", "int16", 1901),
    _case("varchar_nul", "varchar(10)", "concat('a', char(0), 'b')", "string", "a\0b"),
    _case("varchar_emoji", "varchar(10)", "'😀😀😀😀😀😀😀😀😀😀'", "string", "😀" * 10),
    _case("varchar_latin1", "varchar(10) character set latin1", "'éÿ€'", "string", "éÿ€"),
    _case("varchar_empty", "varchar(10)", "''", "string", ""),
    _case("varchar_trailing", "varchar(10)", "'a  '", "string", "a  "),
    _case("char_5", "char(5)", "'ab'", "string", "ab"),
    _case("text_emoji", "text", f"'{EMOJI}'", "string", EMOJI),
    _case("tinytext", "tinytext", "'it''s'", "string", "it's"),
    _case("binary_4", "binary(4)", "x'00ff'", "binary", b"\x00\xff\x00\x00"),
    _case("varbinary", "varbinary(10)", "x'00ff00'", "binary", b"\x00\xff\x00"),
    _case("blob_empty", "blob", "''", "binary", b""),
    _case("json", "json", "'{\"a\" : 1.0}'", "string", '{"a" : 1.0}'),
    _case("enum", "enum('a','b,c')", "'b,c'", "string", "b,c"),
    _case("enum_error", "enum('a','b')", "''", "string", ""),
    _case("set", "set('a','b','c')", "'c,a'", "string", "a,c"),
    _case("uuid", "uuid", "'6F9619FF-8B86-D011-B42D-00CF4FC964FF'", "string", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    _case("inet6", "inet6", "'::ffff:10.0.0.1'", "string", "::ffff:10.0.0.1"),
    _case("inet4", "inet4", "'10.0.0.1'", "string", "10.0.0.1"),
    _case(
        "point",
        "point",
        "ST_GeomFromText('POINT(1 2)')",
        "binary",
        bytes.fromhex("000000000101000000000000000000f03f0000000000000040"),
        noted=True,
    ),
    _case(
        "datetime_6",
        "datetime(6)",
        "'2024-02-29 12:34:56.123456'",
        "timestamp[us]",
        datetime(2024, 2, 29, 12, 34, 56, 123456),
        noted=True,
    ),
    _case("datetime", "datetime", "'9999-12-31 23:59:59'", "timestamp[us]", datetime(9999, 12, 31, 23, 59, 59), noted=True),
    _case(
        "datetime_early",
        "datetime(6)",
        "'0001-01-01 00:00:00.000001'",
        "timestamp[us]",
        datetime(1, 1, 1, 0, 0, 0, 1),
        noted=True,
    ),
    _case(
        "timestamp_6",
        "timestamp(6) null",
        "'2024-07-01 06:30:00.5'",
        "timestamp[us, tz=UTC]",
        datetime(2024, 7, 1, 6, 30, 0, 500000, UTC),
        noted=True,
    ),
    _case("datetime_zero", "datetime", "'0000-00-00 00:00:00'", "timestamp[us]", raw="0000-00-00 00:00:00", noted=True),
    _case("datetime_no_month", "datetime", "'2024-00-15 10:00:00'", "timestamp[us]", raw="2024-00-15 10:00:00", noted=True),
    _case("timestamp_zero", "timestamp null", "0", "timestamp[us, tz=UTC]", raw="0000-00-00 00:00:00", noted=True),
    _case("date", "date", "'1582-10-10'", "date32[day]", date(1582, 10, 10), noted=True),
    _case("date_zero", "date", "'0000-00-00'", "date32[day]", raw="0000-00-00", noted=True),
    _case("date_no_day", "date", "'2024-05-00'", "date32[day]", raw="2024-05-00", noted=True),
    _case("time_6", "time(6)", "'23:59:59.999999'", "time64[us]", time(23, 59, 59, 999999), noted=True),
    _case("time_long", "time", "'-838:59:59'", "time64[us]", raw="-838:59:59", noted=True),
    _case("time_24", "time", "'24:00:00'", "time64[us]", raw="24:00:00", noted=True),
    _case("time_negative_zero", "time(1)", "'-00:00:00.1'", "time64[us]", raw="-00:00:00.1", noted=True),
    _case("text_100_kb", "mediumtext", "repeat('aé😀b', 12800)", "string", "aé😀b" * 12800, apart=True),
    _case(
        "text_10_mb",
        "longtext",
        "concat(char(0), repeat('0123456789', 1048576))",
        "string",
        "\0" + "0123456789" * 1048576,
        apart=True,
    ),
    _case("blob_10_mb", "longblob", "unhex(repeat('00ff', 5242880))", "binary", b"\x00\xff" * 5242880, apart=True),
    _case("varchar_wide", "varchar(10000)", "repeat('é', 10000)", "string", "é" * 10000, apart=True),
)

SQLITE: Sequence[Case] = (
    _case("decimal_18_2", "decimal(18,2)", "0.1", "decimal128(18, 2)", Decimal("0.10"), noted=True),
    _case("decimal_integer", "decimal(18,2)", "12345678901234", "decimal128(18, 2)", Decimal("12345678901234.00"), noted=True),
    _case(
        "decimal_rounded",
        "decimal(38,10)",
        "1234567890123456789012345678.0123456789",
        "decimal128(38, 10)",
        raw="1.2345678901234568",
        noted=True,
    ),
    _case(
        "decimal_as_text",
        "decimal text(38,10)",
        "'1234567890123456789012345678.0123456789'",
        "decimal128(38, 10)",
        Decimal("1234567890123456789012345678.0123456789"),
    ),
    _case("decimal_junk", "decimal(18,2)", "'abc'", "decimal128(18, 2)", raw="abc", noted=True),
    _case("decimal_too_fine", "decimal(18,2)", "0.125", "decimal128(18, 2)", raw="0.125", noted=True),
    _case("numeric", "numeric", "0.1", "string", "0.10000000000000000555", noted=True),
    _case("double", "double", "0.12345678901234567", "double", 0.12345678901234567),
    _case("double_most", "double", "1.7976931348623157e308", "double", 1.7976931348623157e308),
    _case("double_least", "double", "5e-324", "double", 5e-324),
    _case("double_infinity", "double", "9e999", "double", float("inf")),
    _case("real", "real", "0.3", "double", 0.3),
    _case("real_text", "real", "'abc'", "double", raw="text 'abc'"),
    _case("bigint", "bigint", "9223372036854775807", "int64", 2**63 - 1),
    _case("integer", "integer", "5000000000", "int64", 5000000000),
    _case("int", "int", "-5000000000", "int64", -5000000000),
    _case("tinyint", "tinyint", "200", "int64", 200),
    _case("int_text", "int", "'abc'", "int64", raw="text 'abc'"),
    _case("int_real", "int", "1.5", "int64", raw="real 1.5"),
    _case("int_blob", "int", "x'3132'", "int64", raw="blob X'3132'"),
    _case("boolean", "boolean", "1", "bool", True),
    _case("boolean_two", "boolean", "2", "bool", raw="2"),
    _case("varchar_nul", "varchar(10)", "'a' || char(0) || 'b'", "string", "a\0b"),
    _case("varchar_over", "varchar(3)", "'abcdef'", "string", "abcdef"),
    _case("varchar_emoji", "varchar(10)", "'😀😀😀😀😀😀😀😀😀😀'", "string", "😀" * 10),
    _case("varchar_number", "varchar(10)", "12", "string", "12"),
    _case("varchar_blob", "varchar(10)", "x'3132'", "string", raw="blob X'3132'"),
    _case("text_emoji", "text", f"'{EMOJI}'", "string", EMOJI),
    _case("text_empty", "text", "''", "string", ""),
    _case("text_escape", "text", "char(1) || 't41'", "string", "\x01t41"),
    _case("text_tilde", "text", "'!~x'", "string", "!~x"),
    _case("char_5", "char(5)", "'ab '", "string", "ab "),
    _case("blob", "blob", "x'00ff00'", "binary", b"\x00\xff\x00"),
    _case("blob_empty", "blob", "x''", "binary", b""),
    _case("blob_text", "blob", "'abc'", "binary", raw="text 'abc'"),
    _case("timestamp", "timestamp", "'2024-02-29 12:34:56.123456'", "timestamp[us]", datetime(2024, 2, 29, 12, 34, 56, 123456)),
    _case("timestamp_t", "timestamp", "'2024-02-29T12:34:56'", "timestamp[us]", datetime(2024, 2, 29, 12, 34, 56)),
    _case("timestamp_z", "timestamp", "'2024-02-29T12:34:56Z'", "timestamp[us]", raw="2024-02-29T12:34:56Z"),
    _case("timestamp_nanos", "timestamp", "'2024-02-29 12:34:56.1234567'", "timestamp[us]", raw="2024-02-29 12:34:56.1234567"),
    _case("timestamp_unix", "timestamp", "1709210096", "timestamp[us]", raw="integer 1709210096"),
    _case(
        "timestamp_zone",
        "timestamp with time zone",
        "'2024-07-01 08:30:00.5+02:00'",
        "timestamp[us, tz=UTC]",
        datetime(2024, 7, 1, 6, 30, 0, 500000, UTC),
    ),
    _case(
        "timestamp_zone_none",
        "timestamp with time zone",
        "'2024-07-01 08:30:00'",
        "timestamp[us, tz=UTC]",
        raw="2024-07-01 08:30:00",
    ),
    _case("date", "date", "'2024-02-29'", "date32[day]", date(2024, 2, 29)),
    _case("date_junk", "date", "'junk'", "date32[day]", raw="junk"),
    _case("date_no_day", "date", "'2023-02-29'", "date32[day]", raw="2023-02-29"),
    _case("time", "time", "'12:34:56.5'", "time64[us]", time(12, 34, 56, 500000)),
    _case("nothing_integer", "", "5000000000", "string", "5000000000", noted=True),
    _case("nothing_text", "", "'a' || char(0)", "string", "a\0", noted=True),
    _case("nothing_blob", "", "x'00'", "string", raw="blob X'00'", noted=True),
    _case("guid", "guid", "'6F9619FF-8B86-D011-B42D-00CF4FC964FF'", "string", "6F9619FF-8B86-D011-B42D-00CF4FC964FF", noted=True),
    _case("json", "json", "'{\"a\": 1.0}'", "string", '{"a": 1.0}', noted=True),
    _case("text_100_kb", "text", "replace(hex(zeroblob(12800)), '00', 'aé😀b')", "string", "aé😀b" * 12800, apart=True),
    _case(
        "text_10_mb", "text", "replace(hex(zeroblob(1048576)), '00', '0123456789')", "string", "0123456789" * 1048576, apart=True
    ),
    _case("blob_10_mb", "blob", "zeroblob(10485760)", "binary", b"\0" * 10485760, apart=True),
)

CASES: Mapping[str, Sequence[Case]] = {"postgresql": POSTGRESQL, "mariadb": MARIADB, "sqlite": SQLITE}
"""By database."""

TYPES: Mapping[str, Sequence[str]] = {
    "postgresql": (
        "CREATE TYPE mood AS ENUM ('sad', 'so, so')",
        "CREATE DOMAIN posint AS integer CHECK (value > 0)",
        "CREATE TYPE pair AS (a integer, b text)",
    ),
    "mariadb": (),
    "sqlite": (),
}
"""What the cases' declarations need."""

SESSION: Mapping[str, Sequence[str]] = {"postgresql": (), "mariadb": ("SET sql_mode = ''",), "sqlite": ()}
"""What the session that inserts must be like."""
