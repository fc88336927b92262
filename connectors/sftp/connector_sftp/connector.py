"""The connector itself: which part does what when the engine asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyarrow as pa
from connector_sdk.contract import Batch, Checkpoint, Load, Receipt, Split, State
from connector_sdk.errors import ConfigError, InternalError, StateInvalidError
from connector_sdk.formats.layout import Layout
from connector_sdk.runtime.file_sink import FileSink, Target
from connector_sdk.schema import Mode, Stream, Where

from connector_sftp import planning, writing
from connector_sftp.aftercare import Aftercare
from connector_sftp.binding import Binding, bind, found_bindings, free_binding
from connector_sftp.config import SftpConfig
from connector_sftp.drops import Drops
from connector_sftp.incremental import read_incremental
from connector_sftp.reading import Decoding, read_full
from connector_sftp.replaying import replay

__all__ = ["SftpConnector"]


class SftpConnector:
    """Delimited and fixed-width files on an SFTP server, or in a local folder: a Source, a Sink and a Replayer.

    `layouts` are those of a generated package, by stream name; without them streams and layouts come from `config`. `files` has
    the pattern of each stream's files, ``<name>*.csv`` where it says nothing; `streams` in `config` comes before both.
    """

    simulator = "connector_sftp.simulator:SftpSimulator"

    def __init__(
        self, config: SftpConfig, layouts: Mapping[str, Layout] | None = None, files: Mapping[str, str] | None = None
    ) -> None:
        self.config = config
        self.layouts = dict(layouts or {})
        self.files = dict(files or {})
        self._opened: _Opened | None = None

    def __getstate__(self) -> dict[str, object]:
        if self._opened is not None:
            raise InternalError("an opened connector does not travel to another process")
        return self.__dict__

    def __enter__(self) -> Self:
        self._opened = _Opened(self.config, self.layouts, self.files)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.sink.__exit__(kind, error, trace)
            opened.drops.close()

    def check(self) -> None:
        """The folder is there, and can be listed. Raises ConfigError or TransientError."""
        self._here.drops.check()

    def discover(self, only: Sequence[str] | None = None) -> Iterator[Stream]:
        """The streams that have a layout, or a file to infer it from."""
        here = self._here
        for name, binding in here.bindings(only).items():
            layout = here.drops.layout(binding)
            if layout is not None:
                yield here.stream(name, binding, layout)

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> list[Split]:
        """FULL: groups of files as they are now, or the latest. INCREMENTAL: one split for a stream with keys, else four."""
        here = self._here
        splits: list[Split] = []
        for name, group in here.together(streams).items():
            binding = here.binding(group[0].name)
            inferred = None
            if binding.layout is None:
                layout = here.drops.layout(binding)
                inferred = None if layout is None else layout.to_yaml()
            if mode is Mode.FULL:
                if binding.settings.takes == "latest":
                    entries = [here.drops.latest(binding, name)]
                else:
                    entries = here.drops.settled(binding, here.drops.candidates(binding))
                size = self.config.split_bytes
                splits += planning.full_splits(name, group, entries, where, split_bytes=size, layout=inferred)
            elif mode in _reads(binding):
                by_size = self.config.index is not None and self.config.duplicates == "skip"
                splits += planning.incremental_splits(name, group, where, layout=inferred, by_size=by_size)
            else:
                raise ConfigError(f"stream {group[0].name!r} offers no {mode} reads", stream=group[0].name)
        return splits

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        """The rows of a split; see :mod:`connector_sftp.reading`."""
        here = self._here
        bindings = [here.binding(stream.name) for stream in split.streams]
        bound = [(s, binding, here.layout_of(split, binding)) for s, binding in zip(split.streams, bindings, strict=True)]
        decoding, binding = Decoding(bound, here.drops), bindings[0]
        if split.mode is Mode.FULL:
            return read_full(here.drops, decoding, split, state, until)
        return read_incremental(here.drops, decoding, binding, split, state, until)

    def ack(self, split: Split, state: State) -> None:
        """Leave, archive or delete the files that `state` has read to their end: :class:`~connector_sftp.aftercare.Aftercare`."""
        here = self._here
        binding = here.binding(split.streams[0].name)  # before the others: it finds them where nobody has configured any
        here.aftercare.put_away(binding, split, state, here.others(split))

    def replay(self, stream: Stream, rejects: pa.RecordBatch) -> Iterator[Batch]:
        """Decode rejected records again with the layout of today."""
        here = self._here
        binding = here.binding(stream.name)
        layout = here.drops.layout(binding)
        if layout is None:
            raise ConfigError(f"stream {stream.name!r} has no layout and no file to infer it from", stream=stream.name)
        return replay(here.drops, binding, layout, stream, rejects)

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        """Files need no preparation; fields that differ from those of the files that are there are drift."""
        here = self._here
        binding = here.target_binding(want.name)
        layout = None if have is None else here.drops.layout(binding)
        return writing.alterations(want, layout, binding, declared=binding.layout is not None)

    def resume(self, load: Load) -> Checkpoint | None:
        return self._here.sink.resume(load)

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        return self._here.sink.write(load, piece, batches)

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        return self._here.sink.commit(load, receipts, at)

    @property
    def _here(self) -> _Opened:
        if self._opened is None:
            raise InternalError("the connector is not open", hint="use it in a with block")
        return self._opened


class _Opened:
    """What an opened connector holds."""

    def __init__(self, config: SftpConfig, layouts: Mapping[str, Layout], files: Mapping[str, str]) -> None:
        self.config = config
        self.drops = Drops(config)
        self.aftercare = Aftercare(self.drops)
        self.sink = FileSink(self.drops.folder, self._target)
        self._bound = bind(config, layouts, files)
        self._configured = bool(self._bound)
        self._targets: dict[str, Binding] = {}

    def bindings(self, only: Sequence[str] | None) -> dict[str, Binding]:
        """The configured streams; when there are none, one for each delimited file in the folder."""
        if not self._configured:
            self._bound = found_bindings(self.drops.files())
        found = self._bound
        return found if only is None else {name: found[name] for name in only if name in found}

    def binding(self, name: str) -> Binding:
        """Raises ConfigError for a stream that is not there."""
        found = self._bound if name in self._bound else self.bindings(None)
        if name not in found:
            raise ConfigError(f"there is no stream {name!r}", hint=f"there are {', '.join(found) or 'none'}", stream=name)
        return found[name]

    def others(self, split: Split) -> list[Binding]:
        """The streams that `split` does not read."""
        read = {stream.name for stream in split.streams}
        return [binding for name, binding in self._bound.items() if name not in read]

    def target_binding(self, name: str) -> Binding:
        """Where a stream is written, configured or not."""
        if name not in self._targets:
            found = self._bound if self._configured else self.bindings(None)
            self._targets[name] = found.get(name) or free_binding(name)
        return self._targets[name]

    def together(self, streams: Sequence[Stream]) -> dict[str, list[Stream]]:
        """`streams` by what a read of them is called: those in the same files are read at once, and have one state."""
        groups: dict[str, list[Stream]] = {}
        for stream in streams:
            groups.setdefault(self.binding(stream.name).group, []).append(stream)
        named: dict[str, list[Stream]] = {}
        for whole, group in groups.items():
            order = [name for name, binding in self._bound.items() if binding.group == whole]
            group.sort(key=lambda stream: order.index(stream.name))
            names = [stream.name for stream in group]
            named[whole if names == order else "+".join(names)] = group
        return named

    def stream(self, name: str, binding: Binding, layout: Layout) -> Stream:
        return Stream(
            name=name,
            schema=layout.schema,
            keys=layout.keys,
            reads=_reads(binding),
            writes=writing.writes(binding),
            # A replaced file is read again as a whole, with the rows that did not change.
            repeats=_reads(binding) - {Mode.FULL},
            namespace=binding.pattern.below or None,
            doc=layout.about,
        )

    def layout_of(self, split: Split, binding: Binding) -> Layout:
        """The layout that a split is read by: for an inferred one, that of its plan."""
        if binding.layout is not None:
            return binding.layout
        spec = split.spec
        if not isinstance(spec, Mapping) or not isinstance(spec.get("layout"), str):
            raise StateInvalidError(f"the plan of {split.id!r} has no layout", hint="reset the state", split=split.id)
        return Layout.from_yaml(str(spec["layout"]), f"plan of {split.id}")

    def _target(self, stream: Stream) -> Target:
        binding = self.target_binding(stream.name)
        declared = binding.layout is not None and set(binding.layout.names) == set(stream.schema.names)
        layout = binding.layout if declared and binding.layout is not None else writing.new_layout(stream)
        return writing.target(stream, binding, layout, self.config.archive)


def _reads(binding: Binding) -> frozenset[Mode]:
    """Drops that are each the whole stream are compared with one another, not added up."""
    return frozenset({Mode.FULL} if binding.settings.takes == "latest" else {Mode.FULL, Mode.INCREMENTAL})
