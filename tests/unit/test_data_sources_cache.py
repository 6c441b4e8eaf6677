"""Fetched packages: checked, whole, and there without network."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from test_data_sources_unpack import zip_of

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.download import download
from wan_streamer.train.data.sources.package import Package
from wan_streamer.train.data.sources.recipes import all_recipes, choose_recipes

CONTENT = zip_of({"package/data.bin": b"data"})
PACKAGE = Package(
    name="package",
    version="1.0",
    index="pypi",
    file_name="package-1.0-py3-none-any.whl",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="CC0-1.0",
    licence_path="package/data.bin",
)


def nobody(package: Package, folder: Path, on_bytes: Callable[[int], None]) -> Path:
    """No network."""
    raise AssertionError("the network was asked")


def giving(content: bytes) -> Callable[[Package, Path, Callable[[int], None]], Path]:
    """An index that has this content."""

    def give(package: Package, folder: Path, on_bytes: Callable[[int], None]) -> Path:
        path = folder / package.file_name
        path.write_bytes(content)
        on_bytes(len(content))
        return path

    return give


def test_the_second_fetch_needs_no_network(tmp_path: Path) -> None:
    """What was fetched once is served from the cache, and progress reaches the end both times."""
    told: list[int] = []
    folder = DataCache(tmp_path, download=giving(CONTENT)).fetch(PACKAGE, told.append)
    assert (folder / "package/data.bin").read_bytes() == b"data"
    again = DataCache(tmp_path, download=nobody)
    assert again.has(PACKAGE)
    assert again.fetch(PACKAGE, told.append) == folder
    assert told[-1] == PACKAGE.size_bytes


def test_a_file_put_there_by_hand_is_taken(tmp_path: Path) -> None:
    """Without an index the pinned file can be brought in any other way."""
    cache = DataCache(tmp_path, download=nobody)
    cache.package_path(PACKAGE).parent.mkdir(parents=True)
    cache.package_path(PACKAGE).write_bytes(CONTENT)
    assert (cache.fetch(PACKAGE) / "package/data.bin").is_file()


def test_another_content_is_refused(tmp_path: Path) -> None:
    """A file that is not the pinned one is never unpacked or kept, whether it came or lay there."""
    cache = DataCache(tmp_path, download=giving(zip_of({"package/data.bin": b"evil"})))
    with pytest.raises(InvalidInput, match="expected " + PACKAGE.sha256):
        cache.fetch(PACKAGE)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    cache.package_path(PACKAGE).write_bytes(b"damaged")
    with pytest.raises(InvalidInput, match="delete it"):
        cache.fetch(PACKAGE)
    assert not cache.has(PACKAGE)


def test_an_interrupted_download_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C in the middle: no part of the file stays, and the next fetch works."""

    def interrupted(package: Package, folder: Path, on_bytes: Callable[[int], None]) -> Path:
        (folder / "half").write_bytes(CONTENT[:10])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DataCache(tmp_path, download=interrupted).fetch(PACKAGE)
    assert not list((tmp_path / "packages").iterdir())
    assert DataCache(tmp_path, download=giving(CONTENT)).fetch(PACKAGE).is_dir()


def test_an_archive_that_cannot_be_unpacked_leaves_nothing_unpacked(tmp_path: Path) -> None:
    """A pinned file with a path that leads out is refused, and no half-unpacked folder stays."""
    evil = zip_of({"package/data.bin": b"data", "../evil": b"evil"})
    package = replace(PACKAGE, sha256=hashlib.sha256(evil).hexdigest())
    with pytest.raises(InvalidInput, match="leads out"):
        DataCache(tmp_path, download=giving(evil)).fetch(package)
    assert not list((tmp_path / "unpacked").iterdir())


def test_two_processes_may_fetch_at_once(tmp_path: Path) -> None:
    """Whoever comes second finds the first one's files and leaves nothing beside them."""
    first, rival = DataCache(tmp_path, download=nobody), DataCache(tmp_path, download=giving(CONTENT))

    def while_the_other_fetches(package: Package, folder: Path, on_bytes: Callable[[int], None]) -> Path:
        rival.fetch(package)
        return giving(CONTENT)(package, folder, on_bytes)

    slow = DataCache(tmp_path, download=while_the_other_fetches)
    assert (slow.fetch(PACKAGE) / "package/data.bin").is_file()
    assert first.has(PACKAGE)
    assert [path.name for path in (tmp_path / "unpacked").iterdir()] == [PACKAGE.folder_name]


def test_no_apt_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no apt-get, the error says what to put where."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidInput, match=r"no apt-get.*put package-1\.0-py3-none-any\.whl into"):
        download(replace(PACKAGE, index="debian"), tmp_path, lambda count: None)


def test_an_index_that_cannot_be_reached_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's own last word is in the message, and so is what to do."""
    for name, value in {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(InvalidInput, match=r"package 1\.0 not downloaded .*check the network"):
        download(PACKAGE, tmp_path, lambda count: None)


def test_every_source_is_pinned_and_licensed() -> None:
    """Each package of each recipe has a version, a sha256, a size and a licence with the place of its text."""
    packages = [package for recipe in all_recipes() for package in recipe.packages]
    assert len({package.file_name for package in packages}) == len(packages) >= 6
    for package in packages:
        assert len(package.sha256) == 64
        assert package.version
        assert package.size_bytes > 0
        assert package.licence
        assert package.licence_path


def test_an_unknown_source_is_refused() -> None:
    """The error lists the sources; without names all are meant."""
    with pytest.raises(InvalidInput, match="amazon-queen, asterisk-prompts"):
        choose_recipes(("amazon-quen",))
    assert choose_recipes(()) == all_recipes()
