"""Writing: rows are encoded, staged piece by piece in tables of their own, and published with the checkpoint in one go."""
