"""Memory of megabytes that is freed and asked for again: glibc's malloc is made to keep it meanwhile.

It gives freed memory back to the kernel, which clears it for the next page or batch of rows: a tenth of the processor's
time. What it keeps is up to twice the largest block that was ever freed, of at most 32 MiB (``M_MMAP_THRESHOLD`` in
mallopt(3)). The same goes for servers: a profile's `warm_up` is a statement that allocates such a block in the server's session.
"""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["keep_freed_memory"]


@cache
def keep_freed_memory() -> None:
    """Once in a process. The block is never written to, so it takes no memory."""
    np.empty(24 << 20, np.uint8)
