"""How much has come is counted while the client still makes and removes folders."""

import shutil
import threading
from pathlib import Path

from wan_streamer.train.data.sources.download import _bytes_in


def test_folders_that_vanish_are_passed_over(tmp_path: Path) -> None:
    """A folder that is removed while its parent is read is no error, and what stays is counted."""
    (tmp_path / "stays").write_bytes(bytes(1000))
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            for k in range(40):
                (tmp_path / f"{k}" / "deeper").mkdir(parents=True)
            for k in range(40):
                shutil.rmtree(tmp_path / f"{k}")

    client = threading.Thread(target=come_and_go)
    client.start()
    try:
        counted = {_bytes_in(tmp_path) for _ in range(300)}
    finally:
        done.set()
        client.join()
    assert counted == {1000}
