"""Writes what a service's image installs: the package's dependencies and those of extras, less what it never imports.

usage: python3 requirements.py [--extra NAME ...] [--without NAME ...] < pyproject.toml
"""

import argparse
import re
import sys
import tomllib


def requirements(pyproject: str, extras: list[str], without: list[str]) -> list[str]:
    """Pinned requirements, one a line.

    Raises:
        ValueError: an extra or a name left out that pyproject.toml does not have.
    """
    project = tomllib.loads(pyproject)["project"]
    found = list(project["dependencies"])
    for extra in extras:
        if extra not in project["optional-dependencies"]:
            raise ValueError(f"got extra {extra}, expected one of {sorted(project['optional-dependencies'])}")
        found += project["optional-dependencies"][extra]
    by_name = {re.split("[=<>~! ]", line, maxsplit=1)[0]: line for line in found}
    if not by_name.keys() >= set(without):
        raise ValueError(f"got {without} to leave out, expected some of {sorted(by_name)}")
    return sorted(line for name, line in by_name.items() if name not in without)


def main() -> None:
    """Reads pyproject.toml from standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", action="append", default=[])
    parser.add_argument("--without", action="append", default=[])
    options = parser.parse_args()
    sys.stdout.writelines(f"{line}\n" for line in requirements(sys.stdin.read(), options.extra, options.without))


if __name__ == "__main__":
    main()
