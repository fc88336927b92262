"""What a column is, narrowed block by block: every notation that has understood all of its values so far is still in the race."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from connector_sdk.formats.delimited_inference.dates import Dates
from connector_sdk.formats.delimited_inference.numbers import Numbers, read_shape
from connector_sdk.formats.delimited_inference.shapes import Block
from connector_sdk.formats.delimited_inference.words import MANY_WORDS, NULL_WORDS, possible_pairs

__all__ = ["Against", "Column"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_KEY_NAME = re.compile(
    r"(^|[_\s-])(id|key|code|nr|no|num|number|ident|uuid|guid|sku|isbn|iban)$|[a-z](Id|ID|Key|Code|Nr|No)$", re.IGNORECASE
)
_KEY_BYTES = 128 << 20
_ENOUGH = 1000
"""Values of which less than half are numbers, and less than half dates: it is text, and needs no further look."""
_NULLS = pa.array(sorted(NULL_WORDS))
_MAY_BE_NULL = {"", *(re.sub(r"\d", "9", word) for word in NULL_WORDS)}


@dataclass(frozen=True)
class Against:
    """A value that speaks against what others are, and where it is."""

    value: str
    place: str

    def __str__(self) -> str:
        shown = repr(self.value if len(self.value) <= 40 else f"{self.value[:40]}…")
        return f"{shown} ({self.place})"


class Column:
    """One column of a sample: its counts, and the races of words, numbers and dates."""

    def __init__(self, name: str, title: str | None) -> None:
        self.name = name
        self.title = title
        self.rows = 0
        self.empty = 0
        self.blank = 0
        self.longest = 0
        self.nulls: Counter[str] = Counter()
        """Words that may mean null."""
        self.words: Counter[str] | None = Counter()
        """Words that may mean true and false; None when some value is no such word."""
        self.numbers = Numbers()
        self.dates = Dates()
        self.no_number: Against | None = None
        self.no_date: Against | None = None
        self.no_word: Against | None = None
        self.lone: str | None = None
        """The only value that there is."""
        self.plain = False
        self._values: list[Any] | None = []
        self._kept = 0

    @property
    def count(self) -> int:
        """How many values there are that are neither empty nor blank nor a word for null."""
        return self.rows - self.empty - self.blank - sum(self.nulls.values())

    def take(self, text: Any, place: Callable[[int], str]) -> None:
        """Narrow by one more block: `text` is a StringArray, null where the value is empty and not quoted.

        `place` says where a row of the block is, for whoever looks for it in the file.
        """
        before = self.count
        self.rows += len(text)
        self.empty += text.null_count
        if text.null_count == len(text):
            self._values = None
            return
        encoded = text.dictionary_encode()
        self._keep_for_uniqueness(text, len(encoded.dictionary))
        self.longest = max(self.longest, pc.max(pc.utf8_length(encoded.dictionary)).as_py())
        block = Block.of(encoded)
        if self.plain:
            self._count_nulls(block)
            return
        if block.many:
            self.plain = True
            self.words = None
            block = self._count_nulls(block)
            self._find_against(block, place)
            return
        if not _MAY_BE_NULL.isdisjoint(block.shapes):
            block = self._count_nulls(block)
            if not len(block.values):
                return
        only = block.values[0].as_py() if len(block.values) == 1 else None
        self.lone = only if not before or only == self.lone else None
        self._narrow_words(block, place)
        shapes = [read_shape(shape) for shape in block.shapes]
        self.numbers.narrow(block, shapes)
        if self.no_number is None and None in shapes:
            odd = np.array([shape is None for shape in shapes])
            self.no_number = self._against(block, int(np.flatnonzero(odd[block.shape_of])[0]), place)
        odd_date = self.dates.narrow(block)
        if self.no_date is None and odd_date is not None:
            self.no_date = self._against(block, odd_date, place)
        after = self.count
        if after > _ENOUGH and not self.words and before and 2 * max(self.numbers.like, self.dates.like) < after:
            self.plain = True

    def _count_nulls(self, block: Block) -> Block:
        """The block without blanks and words for null, which are counted."""
        empty = pc.equal(block.values, "")
        null = pc.is_in(block.values, _NULLS)
        both = pc.or_(empty, null)
        if not pc.any(both, min_count=0).as_py():
            return block
        mask = np.asarray(empty.to_numpy(zero_copy_only=False), dtype=bool)
        self.blank += int(block.counts[mask].sum())
        mask = np.asarray(null.to_numpy(zero_copy_only=False), dtype=bool)
        for word, count in zip(block.values.filter(null).to_pylist(), block.counts[mask], strict=True):
            self.nulls[word] += int(count)
        return block.without(both)

    def _narrow_words(self, block: Block, place: Callable[[int], str]) -> None:
        if self.words is None:
            return
        if len(block.values) <= MANY_WORDS:
            words = block.values.to_pylist()
            if possible_pairs([*self.words, *words]):
                for word, count in zip(words, block.counts, strict=True):
                    self.words[word] += int(count)
                return
        # A name may be a word for true, too: it takes more than a few for the others to be exceptions.
        known = self.words or self._usual_words(block)
        if known:
            odd = next(n for n, word in enumerate(block.values.to_pylist()) if not possible_pairs([*known, word]))
            self.no_word = self._against(block, odd, place)
        self.words = None

    @staticmethod
    def _usual_words(block: Block) -> Counter[str]:
        """The words for true and false that most values of a block are, if they are."""
        known: Counter[str] = Counter()
        for number in np.argsort(-block.counts, kind="stable")[:MANY_WORDS]:
            word = block.values[int(number)].as_py()
            if possible_pairs([*known, word]):
                known[word] += int(block.counts[number])
        return known if 2 * known.total() > block.counts.sum() else Counter()

    def _find_against(self, block: Block, place: Callable[[int], str]) -> None:
        """What is the first value that is no number, in a block of so many shapes that it is no column of them."""
        self.numbers.left = 0
        self.dates.groups = None
        if self.no_number is None and self.numbers.like:
            odd = next((n for n, shape in enumerate(block.shapes) if read_shape(shape) is None), None)
            if odd is not None:
                self.no_number = self._against(block, int(np.flatnonzero(block.shape_of == odd)[0]), place)

    @staticmethod
    def _against(block: Block, value: int, place: Callable[[int], str]) -> Against:
        return Against(str(block.values[value].as_py()), place(block.first(value)))

    def _keep_for_uniqueness(self, text: Any, different: int) -> None:
        if self._values is None:
            return
        self._kept += text.nbytes
        if text.null_count or self._kept > _KEY_BYTES or different < len(text):
            self._values = None
        else:
            self._values.append(text)

    @property
    def unique(self) -> bool:
        """Whether every record has its own value here, none of them empty."""
        if not self._values or self.rows < 2:
            return False
        if len(self._values) == 1:
            return True
        whole = pa.chunked_array(self._values)
        return bool(pc.count_distinct(whole).as_py() == self.rows)

    @property
    def looks_like_a_key(self) -> bool:
        """Whether the field's name is one that keys have."""
        return bool(_KEY_NAME.search(self.title or self.name))

    def tells_month_first(self) -> bool | None:
        """Whether this field's days are written month first; None when it does not say."""
        told = set()
        for group in self.dates.possible():
            # Where the year may come first, or the notation knows but one order, nothing is told.
            orders = {candidate.order for candidate in group.left if candidate.pattern[2:3] in ("/", "-")}
            told |= orders if orders < {"mdy", "dmy"} else set()
        return None if len(told) != 1 else told == {"mdy"}

    def tells_comma(self) -> bool | None:
        """Whether this field's numbers have a decimal comma; None when they do not say."""
        marks = {notation.mark for notation, extent in self.numbers.candidates.items() if extent.marked or extent.grouped}
        return None if len(marks) != 1 else marks == {","}
