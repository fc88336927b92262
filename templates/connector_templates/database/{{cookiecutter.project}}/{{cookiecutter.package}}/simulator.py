"""A stand-in for the database: an SQLite file with its tables and plausible rows, for tests and for trying things out."""

from __future__ import annotations

from connector_odbc.simulator import OdbcSimulator

from {{ cookiecutter.package }}.generated.streams import STREAMS


class {{ cookiecutter.class_name }}Simulator(OdbcSimulator):
    """The tables of {{ cookiecutter.name }}; all of it follows from `seed`."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed, streams=STREAMS)
