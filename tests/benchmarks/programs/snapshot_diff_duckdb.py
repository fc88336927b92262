"""OLD NEW INDEX: the changes between two snapshots, Arrow IPC files, by the full outer join that one would write in DuckDB."""

import json
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa

start = time.process_time()
connection = duckdb.connect()
connection.execute("SET memory_limit = '4GB'")
with pa.OSFile(sys.argv[1]) as one, pa.OSFile(sys.argv[2]) as other:
    old, new = pa.ipc.open_stream(one), pa.ipc.open_stream(other)
    connection.register("old", old)
    connection.register("new", new)
    same = " AND ".join(f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in new.schema.names if name != "id")
    found = connection.execute(
        f"""
        SELECT CASE WHEN old.id IS NULL THEN 'c' WHEN new.id IS NULL THEN 'd' ELSE 'u' END AS op,
               coalesce(new.id, old.id) AS key, new.*
        FROM old FULL OUTER JOIN new ON old.id = new.id
        WHERE old.id IS NULL OR new.id IS NULL OR NOT ({same})
        """
    ).to_arrow_reader(65_536)
    changes = 0
    with pa.OSFile(str(Path(sys.argv[3]).with_suffix(".arrow")), "wb") as out, pa.ipc.new_stream(out, found.schema) as writer:
        for batch in found:
            changes += batch.num_rows
            writer.write_batch(batch)
print(json.dumps({"cpu": time.process_time() - start, "changes": changes}))
