"""What odbcinst.ini and odbc.ini say of drivers and data sources: the libraries behind their names, the options already there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path

__all__ = ["data_source", "library"]


def library(driver: str) -> str:
    """The library of the driver called `driver`; `driver` itself where it is a path, or where no file tells."""
    return _section(_driver_files(), driver).get("DRIVER", driver)


def data_source(name: str) -> Mapping[str, str]:
    """The keywords of the data source called `name`, upper-case; empty where no odbc.ini knows it."""
    return _section(_data_source_files(), name)


def _section(files: Iterator[Path], name: str) -> Mapping[str, str]:
    """The first section called `name`, in any case of its letters."""
    for path in files:
        parser = ConfigParser(interpolation=None, strict=False, delimiters=("=",), default_section="\0")
        parser.optionxform = str.upper  # type: ignore[assignment,method-assign]
        try:
            parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ConfigParserError):
            continue
        for section in parser.sections():
            if section.strip().lower() == name.strip().lower():
                return {key: value.strip() for key, value in parser.items(section)}
    return {}


def _driver_files() -> Iterator[Path]:
    yield from _system("ODBCINSTINI", "odbcinst.ini")


def _data_source_files() -> Iterator[Path]:
    if "ODBCINI" in os.environ:
        yield Path(os.environ["ODBCINI"])
    else:
        yield Path("~/.odbc.ini").expanduser()
    yield from _system("", "odbc.ini")


def _system(variable: str, name: str) -> Iterator[Path]:
    """Where unixODBC looks for its own files: ODBCSYSINI, or the folders that distributions build in."""
    name = os.environ.get(variable, name) if variable else name
    folders = [os.environ["ODBCSYSINI"]] if "ODBCSYSINI" in os.environ else ["/etc", "/usr/local/etc", "/opt/homebrew/etc"]
    for folder in folders:
        yield Path(folder) / name  # an absolute name stands for itself
