"""The sheets of a workbook, as lines of text."""

from __future__ import annotations

from pathlib import Path

from connector_sdk.errors import ConfigError

__all__ = ["sheets_in"]


def sheets_in(path: Path, most: int | None) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Each sheet's name and the first `most` of its lines, with the place of each; a sheet without a cell has no lines.

    Raises ConfigError for a file that is no workbook.
    """
    try:
        import openpyxl
    except ModuleNotFoundError:
        raise ConfigError("is a workbook, and openpyxl is not installed", hint='pip install "connector-sdk[codegen]"') from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # a file that is none fails in many ways
        raise ConfigError(f"is no workbook that can be read: {error}") from None
    try:
        found = []
        for sheet in book.worksheets:
            rows = enumerate(sheet.iter_rows(values_only=True, max_row=most), 1)
            lines = [(f"{path}:{sheet.title}:{number}", [_text(cell) for cell in row]) for number, row in rows]
            found.append((sheet.title, lines if any(any(cells) for _, cells in lines) else []))
        return found
    finally:
        book.close()


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
