"""A published package, pinned by version and by the sha256 of its one file."""

from dataclasses import dataclass
from typing import Literal

Index = Literal["pypi", "debian"]


@dataclass(frozen=True, kw_only=True)
class Package:
    """Enough to fetch exactly one file again and to say whose it is.

    Attributes:
        licence: of what we use of it; an SPDX name where there is one.
        licence_path: inside the unpacked package: the text that must stay with the data.
    """

    name: str
    version: str
    index: Index
    file_name: str
    size_bytes: int
    sha256: str
    licence: str
    licence_path: str

    @property
    def folder_name(self) -> str:
        """Where it is unpacked; another content has another name."""
        return f"{self.name}-{self.version}-{self.sha256[:8]}"
