"""The folder where fetched packages lie, packed and unpacked; what is there is whole."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.download import download
from wan_streamer.train.data.sources.package import Package
from wan_streamer.train.data.sources.unpack import unpack

Download = Callable[[Package, Path, Callable[[int], None]], Path]


def default_root() -> Path:
    """$XDG_CACHE_HOME/wan-streamer/data, below ~/.cache when that is not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wan-streamer" / "data"


class DataCache:
    """Packages below one folder: `packages/` as they came, `unpacked/` their files.

    Everything is made beside its place and renamed into it, so an interrupted run leaves nothing half-done.

    Args:
        download: fetches one file into an empty folder.
    """

    def __init__(self, root: Path, *, download: Download = download) -> None:
        self.root = root
        self._download = download

    def package_path(self, package: Package) -> Path:
        """Where the package's file lies once it is fetched."""
        return self.root / "packages" / package.file_name

    def unpacked_path(self, package: Package) -> Path:
        """Where its files lie once it is unpacked."""
        return self.root / "unpacked" / package.folder_name

    def has(self, package: Package) -> bool:
        """Whether it needs no network any more."""
        return self.unpacked_path(package).is_dir()

    def fetch(self, package: Package, on_bytes: Callable[[int], None] = lambda count: None) -> Path:
        """The folder with the package's files; fetched, checked and unpacked unless it is there.

        Raises:
            InvalidInput: it cannot be fetched, or what came is not the pinned file.
        """
        folder = self.unpacked_path(package)
        if folder.is_dir():
            on_bytes(package.size_bytes)
            return folder
        packed = self.package_path(package)
        if not packed.is_file():
            self._fetch_file(package, packed, on_bytes)
        _check(packed, package)
        self._unpack(packed, folder)
        return folder

    def _fetch_file(self, package: Package, target: Path, on_bytes: Callable[[int], None]) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as part:
            came = self._download(package, Path(part), on_bytes)
            _check(came, package)
            came.replace(target)
        on_bytes(package.size_bytes)

    def _unpack(self, packed: Path, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
        try:
            unpack(packed, part)
            part.chmod(0o755)
            part.rename(folder)
        except OSError:
            # Another process was first; its content has the same sha256.
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _check(path: Path, package: Package) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise InvalidInput(
            f"got {path.name} with sha256 {found}, expected {package.sha256} ({package.name} {package.version}); "
            f"it is another file or damaged: delete it if it lies in {path.parent} and say it again",
            reason="SHA256",
        )
