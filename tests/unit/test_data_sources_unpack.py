"""Packages unpacked safely."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.unpack import unpack


def tar_of(files: dict[str, bytes], compression: str = "xz", links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


def deb_of(data: bytes, member: str = "data.tar.xz") -> bytes:
    def part(name: str, content: bytes) -> bytes:
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        return header + content + b"\n" * (len(content) % 2)

    return b"!<arch>\n" + part("debian-binary", b"2.0\n") + part("control.tar.xz", b"odd") + part(member, data)


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_debian_package_is_unpacked_without_its_tools(tmp_path: Path) -> None:
    """The files of its data member appear, whichever packing it has; a link is left out."""
    for compression in ("xz", "gz"):
        archive, out = tmp_path / f"{compression}.deb", tmp_path / compression
        files = {"./usr/a.txt": b"one", "./usr/share/b": b"two"}
        data = tar_of(files, compression, {"./usr/evil": "/etc/passwd"})
        archive.write_bytes(deb_of(data, f"data.tar.{compression}"))
        unpack(archive, out)
        assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {"usr/a.txt", "usr/share/b"}
        assert (out / "usr/a.txt").read_bytes() == b"one"


def test_the_other_names_of_a_library_are_copies(tmp_path: Path) -> None:
    """The name that programs ask for holds the library's bytes and is no link; one to a missing library is an error."""
    package, broken = tmp_path / "a.deb", tmp_path / "broken.deb"
    package.write_bytes(deb_of(tar_of({"lib/liba.so.1.2": b"code"}, links={"lib/liba.so.1": "liba.so.1.2"})))
    unpack(package, tmp_path / "out")
    assert (tmp_path / "out/lib/liba.so.1").read_bytes() == b"code"
    assert not (tmp_path / "out/lib/liba.so.1").is_symlink()
    broken.write_bytes(deb_of(tar_of({}, links={"lib/liba.so.1": "libb.so.9", "liba.so.2": "../liba.so.3"})))
    with pytest.raises(InvalidInput, match="cannot be unpacked"):
        unpack(broken, tmp_path / "broken")


def test_a_wheel_is_unpacked_without_its_links(tmp_path: Path) -> None:
    """Plain files appear, a symbolic link hidden in a zip does not."""
    archive = tmp_path / "a.whl"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("package/data.bin", b"x")
        link = zipfile.ZipInfo("package/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    unpack(archive, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["data.bin"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    """A path that leads out of the folder is an error, in a wheel and in a Debian package."""
    wheel, package = tmp_path / "a.whl", tmp_path / "a.deb"
    wheel.write_bytes(zip_of({name: b"evil"}))
    package.write_bytes(deb_of(tar_of({name: b"evil"})))
    for archive in (wheel, package):
        with pytest.raises(InvalidInput, match="leads out"):
            unpack(archive, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.whl", b"PK no zip"),
        ("a.deb", b"no package"),
        ("a.deb", deb_of(tar_of({"a": b"x" * 9999}))[:-200]),
        ("a.deb", deb_of(b"", "data.tar.zst")),
        ("a.deb", b"!<arch>\n" + b"x" * 60),
        ("a.tar.gz", tar_of({"a": bytes(range(256)) * 99}, "gz")[:-99]),
        ("a.rar", b"?"),
    ],
)
def test_a_damaged_or_foreign_archive_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """Truncated, of another kind or packed in a way we cannot read: an error that names the file."""
    archive = tmp_path / name
    archive.write_bytes(content)
    with pytest.raises(InvalidInput, match=name):
        unpack(archive, tmp_path / "out")
