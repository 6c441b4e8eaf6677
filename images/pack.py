"""Packs every package of Python alone into one zip beside the others: a tenth of the size, imported as before.

Packages with libraries or data, single modules and namespaces stay as they are; so does what pip knows of all of them.

usage: python3 pack.py SITE_PACKAGES
"""

import shutil
import sys
import zipfile
from pathlib import Path

ARCHIVE = "packages.zip"


def is_python_alone(folder: Path) -> bool:
    """Whether a zip can hold it: every folder is a package, every file is code or says something about types."""
    folders = [path for path in [folder, *folder.rglob("*")] if path.is_dir() and path.name != "__pycache__"]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return all((path / "__init__.py").is_file() for path in folders) and all(
        path.suffix in (".py", ".pyc", ".pyi") or path.name == "py.typed" for path in files
    )


def pack(site_packages: Path) -> list[str]:
    """The names of what is in the zip now; a .pth file puts it on the path.

    Raises:
        ValueError: there is nothing to pack.
    """
    packages = [path.parent for path in sorted(site_packages.glob("*/__init__.py")) if is_python_alone(path.parent)]
    if not packages:
        raise ValueError(f"got {site_packages} without a package of Python alone, expected a folder of packages")
    with zipfile.PyZipFile(site_packages / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as file:
        for package in packages:
            file.writepy(str(package))
    for package in packages:
        shutil.rmtree(package)
    (site_packages / "packages.pth").write_text(f"{ARCHIVE}\n")
    return [package.name for package in packages]


if __name__ == "__main__":
    sys.stdout.write(f"packed {' '.join(pack(Path(sys.argv[1])))}\n")
