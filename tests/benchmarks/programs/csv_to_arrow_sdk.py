"""FILE LAYOUT: read a CSV file to Arrow batches with connector-sdk."""

import json
import sys
import time
from pathlib import Path

from connector_sdk.formats.delimited import decode
from connector_sdk.formats.layout import Layout

layout = Layout.from_yaml(Path(sys.argv[2]).read_text())
parts = [",".join(layout.names).encode() + b"\nbad\n", b""]
list(decode(layout, lambda _size: parts.pop(0), stream="orders", place=None))  # what is loaded at first use is loaded

start = time.process_time()
rows = rejects = 0
with open(sys.argv[1], "rb", buffering=0) as file:
    for block in decode(layout, file.read, stream="orders", place=sys.argv[1]):
        rows += block.data.num_rows
        rejects += block.rejects.num_rows if block.rejects is not None else 0
print(json.dumps({"cpu": time.process_time() - start, "rows": rows, "rejects": rejects}))
