"""FILE LAYOUT WHO: read a fixed-width file, as `sdk`, `pandas`, `polars` or `polars-text` does it."""

import io
import json
import sys
import time
from pathlib import Path

import pyarrow as pa
from connector_sdk.formats.layout import Layout

path, who = sys.argv[1], sys.argv[3]
layout = Layout.from_yaml(Path(sys.argv[2]).read_text())
spans = {field.name: (field.place.offset, field.place.end) for field in layout.fields if field.place}
punched = [field.name for field in layout.fields if field.place and field.place.sign == "overpunch"]
dates = [field.name for field in layout.fields if pa.types.is_date(field.type)]
texts = [field.name for field in layout.fields if pa.types.is_string(field.type)]
whole = [field.name for field in layout.fields if pa.types.is_integer(field.type)]


def with_sdk() -> int:
    from connector_sdk.formats.fixed_width import Wanted, decode

    list(decode(layout, io.BytesIO(record).read, {layout.name: Wanted("rows")}, place=None))
    begin()
    with open(path, "rb", buffering=0) as file:
        return sum(block.data["rows"].num_rows for block in decode(layout, file.read, {layout.name: Wanted("rows")}, place=None))


def with_pandas() -> int:
    import pandas as pd

    how = {"colspecs": list(spans.values()), "names": list(spans), "header": None}
    how["dtype"] = dict.fromkeys([*texts, *punched, *dates], str)
    pd.read_fwf(io.BytesIO(record), **how)
    begin()
    frame = pd.read_fwf(path, **how)
    for name in dates:
        frame[name] = pd.to_datetime(frame[name], format="%Y%m%d")
    for name in punched:
        digits = frame[name].str[:-1] + frame[name].str[-1].map(dict(zip("{ABCDEFGHI}JKLMNOPQR", "0123456789" * 2, strict=True)))
        frame[name] = digits.astype("int64") * frame[name].str[-1].isin(list("}JKLMNOPQR")).map({True: -1, False: 1})
    return len(pa.Table.from_pandas(frame))


def with_polars(*, text_only: bool) -> int:
    import polars as pl

    begin()
    line = pl.col("line")
    columns = []
    for name, (start, end) in spans.items():
        value = line.str.slice(start, end - start)
        if text_only or name in texts:
            value = value.str.strip_chars_end(" ")
        elif name in dates:
            value = value.str.to_date("%Y%m%d")
        elif name in punched:
            last = value.str.slice(end - start - 1, 1)
            digit = last.replace_strict(dict(zip("{ABCDEFGHI}JKLMNOPQR", range(20), strict=True)), return_dtype=pl.Int64)
            number = value.str.slice(0, end - start - 1).cast(pl.Int64) * 10 + digit % 10
            value = pl.when(digit >= 10).then(-number).otherwise(number)
        elif name in whole:
            value = value.str.strip_chars(" ").cast(pl.Int64)
        columns.append(value.alias(name))
    frame = pl.scan_csv(path, has_header=False, new_columns=["line"], separator="\x01", quote_char=None, infer_schema=False)
    return frame.select(columns).collect().to_arrow().num_rows


with open(path, "rb") as first:
    record = first.readline()  # what is loaded at first use is loaded
started = 0.0


def begin() -> None:
    """What is imported is imported: from here on it is work."""
    global started
    started = time.process_time()


match who:
    case "sdk":
        rows = with_sdk()
    case "pandas":
        rows = with_pandas()
    case _:
        rows = with_polars(text_only=who == "polars-text")
print(json.dumps({"cpu": time.process_time() - started, "rows": rows}))
