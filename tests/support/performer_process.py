"""`python -m tests.support.performer_process FOLDER OPTIONS`: the performer as a process, with the tiny model."""

import sys
from pathlib import Path

from services.performer.__main__ import main
from tests.support.faults import RankModel

if __name__ == "__main__":
    folder = Path(sys.argv.pop(1))
    main(RankModel(folder=folder))
