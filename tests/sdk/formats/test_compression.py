"""Whatever a file is packed in, the bytes inside come out exactly; what is not whole, not safe or not what it says is told."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping

import pytest
from connector_sdk.errors import DataError, TransientError
from connector_sdk.formats.compression import (
    LIMITS,
    WRITABLE,
    Kind,
    Limits,
    Member,
    Read,
    decompressed,
    kind_of,
    named,
    packer,
    tar_members,
    unpacked,
    zip_members,
)
from hypothesis import given, settings
from hypothesis import strategies as st

NOISE = random.Random(7).randbytes(300_000)
TEXT = b"".join(b"%d,row %d\n" % (n, n * n) for n in range(20_000))


def packed(kind: Kind, data: bytes, cuts: tuple[int, ...] = ()) -> bytes:
    out = io.BytesIO()
    writer = packer(kind, out)
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        writer.write(data[start:end])
    writer.finish()
    return out.getvalue()


def everything(read: Read, size: int = 1 << 16) -> bytes:
    return b"".join(iter(lambda: read(size), b""))


def dribble(data: bytes, most: int) -> Read:
    """Reads that give less than was asked for, as connections do."""
    file = io.BytesIO(data)
    return lambda size: file.read(min(size, most))


class Bytes:
    """A zip's source in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + min(size, 1000)]


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], format_: int = tarfile.PAX_FORMAT, *more: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return out.getvalue()


def of_zip(data: bytes, limits: Limits = LIMITS) -> Iterator[Member]:
    return zip_members(Bytes(data), place="a.zip", limits=limits)


def of_tar(data: bytes, limits: Limits = LIMITS) -> Iterator[Member]:
    return tar_members(dribble(data, 700), place="a.tar", limits=limits)


READERS: dict[str, tuple[Callable[[Mapping[str, bytes]], bytes], Callable[[bytes], Iterator[Member]]]] = {
    "zip": (zipped, of_zip),
    "stored zip": (lambda files: zipped(files, zipfile.ZIP_STORED), of_zip),
    "bzip2 zip": (lambda files: zipped(files, zipfile.ZIP_BZIP2), of_zip),
    "pax tar": (tarred, of_tar),
    "gnu tar": (lambda files: tarred(files, tarfile.GNU_FORMAT), of_tar),
}

PLAIN = st.binary(max_size=5000).filter(lambda data: kind_of(data) is Kind.NONE)

# --- compressed files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(WRITABLE))
@given(data=PLAIN, most=st.integers(1, 700), size=st.integers(1, 900), parts=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_what_is_packed_comes_out_exactly(kind: Kind, data: bytes, most: int, size: int, parts: int) -> None:
    whole = packed(kind, data) * parts
    assert everything(decompressed(dribble(whole, most), place="a"), size) == data * parts


@pytest.mark.parametrize("kind", sorted(WRITABLE))
def test_what_is_written_does_not_depend_on_the_pieces(kind: Kind) -> None:
    data = NOISE + TEXT * 12
    assert packed(kind, data) == packed(kind, data, (1, 70_000, 70_001, 2_000_000)) == packed(kind, data)
    assert kind_of(packed(kind, data)) is kind


@pytest.mark.parametrize("kind", sorted(WRITABLE))
def test_reading_goes_on_at_any_byte(kind: Kind) -> None:
    whole = packed(kind, TEXT)
    for offset in (0, 1, 511, 512, 99_999, len(TEXT)):
        assert everything(decompressed(dribble(whole, 9000), place="a", offset=offset)) == TEXT[offset:]
    with pytest.raises(DataError, match="ends before byte") as caught:
        decompressed(dribble(whole, 9000), place="a", offset=len(TEXT) + 1)
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("kind", sorted(WRITABLE))
def test_a_compressed_file_that_is_cut_off_anywhere_is_told(kind: Kind) -> None:
    whole = packed(kind, NOISE[:3000])
    for cut in range(0, len(whole), 10):
        with pytest.raises(DataError) as caught:
            everything(decompressed(dribble(whole[:cut], 1000), place="a.csv", compression=kind))
        assert caught.value.code == "truncated", (cut, str(caught.value))


@pytest.mark.parametrize("kind", sorted(WRITABLE - {Kind.ZSTD}))  # what is written here as zstd has no check sum
def test_a_flipped_bit_is_told(kind: Kind) -> None:
    whole = bytearray(packed(kind, NOISE[:3000]))
    whole[len(whole) // 2] ^= 1
    with pytest.raises(DataError, match="is damaged"):
        everything(decompressed(dribble(bytes(whole), 1000), place="a"))


def test_zstd_of_the_command_line_tool_is_read_and_its_check_sum_is_looked_at() -> None:
    whole = subprocess.run(["zstd", "-q", "-c", "--check"], input=NOISE, capture_output=True, check=True).stdout
    assert everything(decompressed(dribble(whole, 1000), place="a")) == NOISE
    with pytest.raises(DataError, match="is damaged"):
        everything(decompressed(dribble(whole[:-1] + bytes([whole[-1] ^ 1]), 1000), place="a"))


@pytest.mark.parametrize("kind", sorted(WRITABLE))
def test_a_connection_that_breaks_is_not_called_damage(kind: Kind) -> None:
    file = io.BytesIO(packed(kind, NOISE))

    def read(size: int) -> bytes:
        if file.tell() > 150_000:
            raise TransientError("the line is cut")
        return file.read(min(size, 10_000))

    with pytest.raises(TransientError, match="the line is cut"):
        everything(decompressed(read, place="a"))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("orders.csv.gz", b"id,text\n1,a\n", "not_compressed"),
        ("orders.csv.gz", b"", "truncated"),
        ("orders.csv.gz", bz2.compress(TEXT), "not_compressed"),
        ("orders.zip", TEXT, "not_compressed"),
        ("orders.tar", TEXT, "not_compressed"),
        ("orders.tar.gz", gzip.compress(TEXT), "not_compressed"),
        ("orders.csv.zst", TEXT, "not_compressed"),
        ("orders.csv.xz", TEXT, "not_compressed"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,  # packed bytes tell the time of day
)
def test_a_file_that_is_not_what_its_name_says_is_told(name: str, content: bytes, code: str) -> None:
    with pytest.raises(DataError, match=name) as caught:
        unpacked(io.BytesIO(content).read, place=name)
    assert caught.value.code == code
    assert everything(unpacked(io.BytesIO(content).read, place=name, compression="none").read) == content


@pytest.mark.parametrize("compression", [kind for kind in Kind if kind is not Kind.NONE])
def test_a_file_that_is_not_what_the_configuration_says_is_told(compression: Kind) -> None:
    with pytest.raises(DataError, match="it begins with b'id,text") as caught:
        unpacked(io.BytesIO(b"id,text\n" + TEXT).read, place="a.csv", compression=compression)
    assert caught.value.code == "not_compressed"


@pytest.mark.parametrize(
    "inner",
    [gzip.compress(b"x"), bz2.compress(b"x"), bz2.compress(b""), lzma.compress(b"x"), zipped({"a": b"x"})],
    ids=["gzip", "bz2", "empty bz2", "xz", "zip"],  # not their bytes, in which the time of day is
)
def test_a_packing_within_a_packing_is_not_opened(inner: bytes) -> None:
    with pytest.raises(DataError, match="packings within packings") as caught:
        everything(decompressed(io.BytesIO(gzip.compress(inner)).read, place="a"))
    assert caught.value.code == "nested"


@pytest.mark.parametrize("kind", sorted(WRITABLE))
def test_a_bomb_does_not_go_off(kind: Kind) -> None:
    whole = packed(kind, b"0" * (70 << 20))
    read = decompressed(io.BytesIO(whole).read, place="a")
    with pytest.raises(DataError, match="expands to more than") as caught:
        while read(1 << 20):
            pass
    assert caught.value.code == "bomb"
    with pytest.raises(DataError, match="expands to more than"):
        everything(decompressed(io.BytesIO(packed(kind, TEXT)).read, place="a", limits=Limits(largest=1000)))


def test_what_a_name_claims() -> None:
    assert named("in/orders.csv") == ()
    assert named("orders.csv.GZ") == (Kind.GZIP,)
    assert named("orders.tar.zst") == (Kind.ZSTD, Kind.TAR)
    assert named("orders.tgz") == (Kind.GZIP, Kind.TAR)
    assert named("tar.gz") == (Kind.GZIP,)
    assert named("gz") == ()


# --- archives ----------------------------------------------------------------------------------------------------------------

NAMES = st.text("abcäß ._-", min_size=1, max_size=150).filter(lambda name: name.strip(" .") and not name.startswith("."))


@pytest.mark.parametrize("kind", READERS)
@given(files=st.dictionaries(NAMES, st.binary(max_size=1500), max_size=6), data=st.data())
@settings(max_examples=40, deadline=None)
def test_members_come_out_exactly_from_any_byte(kind: str, files: dict[str, bytes], data: st.DataObject) -> None:
    pack, members = READERS[kind]
    base = 0
    for member, (name, content) in zip(members(pack(files)), files.items(), strict=True):
        assert (member.name, member.size, member.base) == (name, len(content), base)
        offset = data.draw(st.integers(0, len(content)))
        assert everything(member.open(offset), 100) == content[offset:]
        base += len(content)


@pytest.mark.parametrize("kind", READERS)
def test_members_that_are_not_opened_or_not_read_to_their_end_do_not_matter(kind: str) -> None:
    pack, members = READERS[kind]
    files = {f"{n}.csv": NOISE[n * 1000 : n * 3000] for n in range(10)}
    got = {}
    for number, member in enumerate(members(pack(files))):
        if number % 3 == 0:
            got[member.name] = everything(member.open(0))
        elif number % 3 == 1:
            member.open(5)(10)
    assert got == {f"{n}.csv": files[f"{n}.csv"] for n in (0, 3, 6, 9)}


@pytest.mark.parametrize("kind", READERS)
def test_an_archive_that_is_cut_off_anywhere_is_told(kind: str) -> None:
    pack, members = READERS[kind]
    whole = pack({"a.csv": NOISE[:2000], "b.csv": b"", "c.csv": TEXT[:1500]})
    needed = len(whole) if "zip" in kind else len(whole.rstrip(b"\0")) // 512 * 512 + 512
    for cut in range(0, needed, 10):
        with pytest.raises(DataError) as caught:
            for member in members(whole[:cut]):
                everything(member.open(0))
        assert caught.value.code == "truncated", (cut, str(caught.value))


@pytest.mark.parametrize("kind", ["zip", "stored zip", "bzip2 zip"])
def test_a_member_whose_check_sum_is_wrong_is_told_at_its_end(kind: str) -> None:
    pack, members = READERS[kind]
    whole = bytearray(pack({"a.csv": NOISE[:3000]}))
    whole[1500] ^= 1
    (member,) = members(bytes(whole))
    with pytest.raises(DataError, match=r"a\.zip!a\.csv is damaged") as caught:
        everything(member.open(0))
    assert caught.value.code == "damaged"


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a.csv", "a/../../b.csv", "C:/a.csv", "C:a.csv", "..\\a.csv", "\\\\host\\a.csv", "a\nb.csv", "./../a"],
)
@pytest.mark.parametrize("kind", ["zip", "pax tar", "gnu tar"])
def test_a_name_that_leads_out_of_the_archive_is_refused(kind: str, name: str) -> None:
    pack, members = READERS[kind]
    with pytest.raises(DataError, match="no plain relative name") as caught:
        list(members(pack({name: b"x"})))
    assert caught.value.code == "unsafe_name"


def test_folders_are_passed_over_and_names_begin_where_they_begin() -> None:
    folder = tarfile.TarInfo("./in")
    folder.type = tarfile.DIRTYPE
    assert [member.name for member in of_tar(tarred({"./in/a.csv": b"x"}, tarfile.GNU_FORMAT, folder))] == ["in/a.csv"]
    assert [member.name for member in of_zip(zipped({"in/": b"", "in\\b.csv": b"x"}))] == ["in/b.csv"]


@pytest.mark.parametrize(
    "type_", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, b"M", b"Z"]
)
def test_links_devices_and_the_like_are_refused(type_: bytes) -> None:
    info = tarfile.TarInfo("link.csv")
    info.type = type_
    info.linkname = "/etc/passwd"
    with pytest.raises(DataError, match=r"its member 'link.csv' is .*, not a file") as caught:
        list(of_tar(tarred({}, tarfile.GNU_FORMAT, info)))
    assert caught.value.code == "unsafe_member"


def test_a_link_in_a_zip_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("link.csv")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="a symbolic link"):
        list(of_zip(out.getvalue()))


@pytest.mark.parametrize("kind", ["zip", "pax tar"])
def test_too_many_members_and_two_of_one_name_are_refused(kind: str) -> None:
    pack, _ = READERS[kind]
    members = of_zip if kind == "zip" else of_tar
    with pytest.raises(DataError, match="more than 5 members") as caught:
        list(members(pack({f"{n}.csv": b"x" for n in range(6)}), Limits(members=5)))
    assert caught.value.code == "bomb"


def test_two_members_of_one_name_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.csv", "x")
        archive.writestr("a.csv", "y")
    with pytest.raises(DataError, match="two members called 'a.csv'"):
        list(of_zip(out.getvalue()))
    again = tarfile.TarInfo("a.csv")
    with pytest.raises(DataError, match="two members called 'a.csv'"):
        list(of_tar(tarred({"a.csv": b"x"}, tarfile.PAX_FORMAT, again)))


def test_a_zip_whose_members_share_their_bytes_is_a_bomb() -> None:
    """One kernel of data that every entry of the directory points at: a small file that becomes as large as it likes."""
    whole = zipped({"a.csv": b"0" * 100_000})
    start = whole.index(b"PK\x01\x02")
    entry, end = whole[start : whole.index(b"PK\x05\x06")], whole[whole.index(b"PK\x05\x06") :]
    other = entry.replace(b"a.csv", b"b.csv")
    directory = entry + other
    closing = end[:8] + struct.pack("<HHI", 2, 2, len(directory)) + end[16:]
    with pytest.raises(DataError, match="share bytes") as caught:
        list(of_zip(whole[:start] + directory + closing))
    assert caught.value.code == "bomb"


def test_a_zip_that_becomes_too_large_is_refused_by_its_directory() -> None:
    whole = zipped({"a.csv": b"0" * (70 << 20)})
    with pytest.raises(DataError, match="expands to more than") as caught:
        list(of_zip(whole))
    assert caught.value.code == "bomb"


def test_a_zip_whose_directory_lies_about_a_size_is_not_believed() -> None:
    whole = bytearray(zipped({"a.csv": TEXT}))
    at = whole.index(b"PK\x01\x02") + 24
    whole[at : at + 4] = struct.pack("<I", 1000)
    (member,) = of_zip(bytes(whole))
    with pytest.raises(DataError, match="more than .* bytes, and 1,000 in the directory"):
        everything(member.open(0))


def test_an_encrypted_member_and_an_unknown_method_are_told() -> None:
    for offset, value, code in ((8, 1, "encrypted"), (10, 9, "method")):
        whole = bytearray(zipped({"a.csv": TEXT}))
        at = whole.index(b"PK\x01\x02") + offset
        whole[at : at + 2] = struct.pack("<H", value)
        (member,) = of_zip(bytes(whole))
        with pytest.raises(DataError, match=r"a\.zip!a\.csv") as caught:
            member.open(0)
        assert caught.value.code == code


def test_a_tar_with_a_name_of_a_gigabyte_is_refused() -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with pytest.raises(DataError, match="a name or attributes of 1,073,741,824 bytes") as caught:
        list(of_tar(info.tobuf(tarfile.GNU_FORMAT)))
    assert caught.value.code == "bomb"


def test_a_damaged_tar_header_and_data_after_the_end_are_told() -> None:
    whole = tarred({"a.csv": b"x" * 600})
    broken = bytearray(whole)
    broken[whole.rindex(b"ustar") - 100] ^= 1
    with pytest.raises(DataError, match="in a tar header"):
        list(of_tar(bytes(broken)))
    with pytest.raises(DataError, match="goes on after the end of its tar"):
        list(of_tar(whole + whole))


@given(data=st.binary(max_size=3000))
@settings(max_examples=100, deadline=None)
def test_no_bytes_whatever_make_a_reader_fail_in_another_way(data: bytes) -> None:
    for whole in (data, b"PK\x03\x04" + data + b"PK\x05\x06" + data[:18].ljust(18, b"\0")):
        for members in (of_zip, of_tar):
            with pytest.raises(DataError):
                for member in members(whole):
                    everything(member.open(0))
                raise DataError("there is nothing wrong with it")
    for head in (b"\x1f\x8b\x08", b"BZh9", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"):
        with pytest.raises(DataError):
            everything(decompressed(io.BytesIO(head + data).read, place="a"))
            raise DataError("plain, or nothing wrong with it")


def test_a_tar_is_found_behind_every_compression() -> None:
    whole = tarred({"a.csv": TEXT})
    for kind in sorted(WRITABLE):
        for compression in ("auto", "tar"):
            found = unpacked(io.BytesIO(packed(kind, whole)).read, place="a.tar", name="a", compression=compression)
            assert (found.packed, found.kind) == (kind, Kind.TAR)
            assert [member.size for member in tar_members(found.read, place="a")] == [len(TEXT)]
    assert unpacked(io.BytesIO(tarred({})).read, place="empty.tar").kind is Kind.TAR
    old = bytearray(tarred({"a.csv": TEXT}, tarfile.USTAR_FORMAT))
    old[257:265] = bytes(8)  # from before there was a magic number
    old[148:156] = b"%06o\0 " % (sum(old[:148]) + 8 * 32 + sum(old[156:512]))
    assert unpacked(io.BytesIO(bytes(old)).read, place="a.tar").kind is Kind.TAR
    assert zlib.crc32(everything(next(of_tar(bytes(old))).open(0))) == zlib.crc32(TEXT)
