"""The file formats a stream can be written to and read from, by name and by the ending of a file name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import PurePath

from connector_sdk.errors import ConfigError
from connector_sdk.formats.format import BatchWriter, Format, Kept, Loss, Output

__all__ = ["FORMATS", "BatchWriter", "Format", "Kept", "Loss", "Output", "format_of"]

_MODULES = {"parquet": "parquet", "avro": "avro", "csv": "csv", "jsonl": "jsonl", "arrow": "arrow_ipc"}


class _Formats(Mapping[str, Format]):
    """Formats by name; a format's module, and the library behind it, is imported when it is first asked for."""

    def __getitem__(self, name: str) -> Format:
        format_: Format = import_module(f"{__name__}.{_MODULES[name]}").FORMAT
        return format_

    def __contains__(self, name: object) -> bool:
        return name in _MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


FORMATS: Mapping[str, Format] = _Formats()


def format_of(path: str | PurePath) -> Format:
    """The format that the ending of `path` names. Raises ConfigError that lists the endings there are."""
    ending = PurePath(path).suffix.lower()
    if ending.removeprefix(".") in FORMATS and ending:
        return FORMATS[ending.removeprefix(".")]
    raise ConfigError(
        f"{path}: {f'{ending!r} is not the ending of a known format' if ending else 'the name has no ending'}",
        hint=f"known are {', '.join(f'.{name}' for name in FORMATS)}",
        code="format",
    )
