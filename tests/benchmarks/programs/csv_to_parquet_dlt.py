"""FOLDER SMALL OUT READER: a folder's CSV files to Parquet files with dlt's filesystem source and its reader READER."""

import json
import os
import sys
import time
from pathlib import Path

import dlt
from dlt.sources import filesystem as readers

out = Path(sys.argv[3])
os.environ["DLT_DATA_DIR"] = str(out / "dlt")
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
READERS = {
    "read_csv": readers.read_csv,
    "read_csv_duckdb": readers.read_csv_duckdb,
    "read_csv_duckdb, use_pyarrow": lambda: readers.read_csv_duckdb(use_pyarrow=True),
}


def work(folder: str, name: str) -> int:
    files = readers.filesystem(bucket_url=Path(folder).as_uri(), file_glob="*.csv")
    pipeline = dlt.pipeline(
        name,
        destination=dlt.destinations.filesystem((out / name).as_uri()),
        dataset_name="bench",
        pipelines_dir=str(out / "pipelines"),
    )
    records = (files | READERS[sys.argv[4]]()).with_name("orders")
    pipeline.run(records, loader_file_format="parquet", write_disposition="replace")
    return pipeline.last_trace.last_normalize_info.row_counts["orders"]


work(sys.argv[2], "warm")
start = time.process_time()
rows = work(sys.argv[1], f"run_{time.time_ns()}")
print(json.dumps({"cpu": time.process_time() - start, "rows": rows}))
