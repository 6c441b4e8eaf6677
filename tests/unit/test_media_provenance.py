"""What was generated says so to programs that nobody here wrote: Pillow, FFmpeg, an XML parser."""

import io
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image

from wan_streamer.media.jpeg import check_jpeg, decode_jpeg, encode_jpeg
from wan_streamer.media.mp4_writer import Mp4Writer
from wan_streamer.media.provenance import GENERATED_PICTURE, SourceType

PICTURE = np.full((128, 224, 3), 90, np.uint8)
# As IPTC names it (https://www.iptc.org/std/photometadata/specification/).
TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def source_type_of(xmp: bytes | str) -> str | None:
    """The term in an XMP packet."""
    [description] = ElementTree.fromstring(xmp).iter(RDF + "Description")
    return description.get(TYPE)


def test_a_picture_says_that_it_was_generated() -> None:
    """Pillow finds the packet; the picture is the same, and 450 bytes longer at most."""
    plain, labelled = encode_jpeg(PICTURE), encode_jpeg(PICTURE, xmp=GENERATED_PICTURE)
    with Image.open(io.BytesIO(labelled)) as image:
        assert source_type_of(image.info["xmp"]) == TERMS + "trainedAlgorithmicMedia"
    assert len(plain) < len(labelled) <= len(plain) + 450
    assert check_jpeg(labelled) == (224, 128)
    assert np.array_equal(decode_jpeg(plain), decode_jpeg(labelled))
    with Image.open(io.BytesIO(plain)) as image:
        assert "xmp" not in image.info


@pytest.mark.parametrize("source_type", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_a_film_says_it_too(tmp_path: Path, source_type: SourceType) -> None:
    """FFmpeg finds the packet and reads the film as before."""
    path = tmp_path / "film.mp4"
    with Mp4Writer(path, 224, 128, 16_000, source_type=source_type) as writer:
        writer.write(np.stack([PICTURE] * 8), np.zeros(5120, np.int16))
    with av.open(str(path), options={"export_xmp": "1"}) as container:
        assert source_type_of(container.metadata["xmp"]) == TERMS + source_type
        assert sum(1 for _ in container.decode(video=0)) == 8
