"""How do rows become a workbook?

Row by row into a file, so that a large one needs no memory. Everything is text: a spreadsheet knows
numbers of 15 digits only, and dates without a zone.
"""

from collections.abc import Iterable, Sequence
from typing import IO

import xlsxwriter

from oms_project.errors import PayloadTooLarge

MOST_ROWS = 2**20 - 1  # A sheet's, without the heading.
MOST_CHARACTERS = 32_767


def write_sheet(file: IO[bytes], columns: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Write a workbook of one sheet with a heading.

    Raises:
        PayloadTooLarge: a text is longer than a cell may be.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet()
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name)
        for number, line in enumerate(lines, start=1):
            for place, text in enumerate(line):
                if len(text) > MOST_CHARACTERS:
                    raise PayloadTooLarge(
                        "A cell of a workbook holds no text as long as this: take csv or json.",
                        field=columns[place],
                        limit=MOST_CHARACTERS,
                        value=len(text),
                    )
                if text:
                    sheet.write_string(number, place, text)
