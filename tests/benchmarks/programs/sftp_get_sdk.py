"""Fetch a file, or all files below a folder, by connector-sftp: SETTINGS (JSON) NAME OUT."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from connector_sftp.config import SftpConfig
from connector_sftp.sftp_folder import SftpFolder


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(settings: str, name: str, out: Path) -> None:
    begun, used = time.perf_counter(), cpu()
    folder = SftpFolder(SftpConfig(**json.loads(settings)))
    taken = files = 0
    if not name.endswith("/"):
        file = folder.open_read(name)
        with out.open("wb", buffering=0) as target:
            while data := file.read(1 << 16):
                taken += target.write(data)
        file.close()
        files = 1
    else:
        out.mkdir()
        for entry, content in folder.open_many(folder.list(name.rstrip("/"))):
            assert content is not None
            taken += (out / entry.name.rpartition("/")[2]).write_bytes(content())
            files += 1
    folder.close()
    print(json.dumps({"cpu": cpu() - used, "wall": time.perf_counter() - begun, "bytes": taken, "files": files}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
