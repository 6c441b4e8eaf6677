"""What was generated says so: IPTC's digital source type as XMP, in every picture and film of the agent.

XMP (ISO 16684-1) with the term that C2PA and IPTC's guidance for generated media use; photo managers, search engines
and exiftool read it. It is a label: whoever wants to can take it off.
"""

from pathlib import Path
from typing import Final, Literal

# Made by a trained model alone, or in one picture with what was recorded; terms of
# https://cv.iptc.org/newscodes/digitalsourcetype.
SourceType = Literal["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"]

# The box of an MP4 in which XMP lies (XMP specification, part 3, section 1.3.2).
XMP_BOX: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def xmp_packet(source_type: SourceType) -> bytes:
    """The shortest XMP that says how a picture or film came to be."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


GENERATED_PICTURE: Final = xmp_packet("trainedAlgorithmicMedia")


def label_mp4(path: Path, source_type: SourceType) -> None:
    """Appends it to a finished MP4.

    Raises:
        OSError: the file cannot be written.
    """
    content = b"uuid" + XMP_BOX + xmp_packet(source_type)
    with path.open("ab") as file:
        file.write((len(content) + 4).to_bytes(4, "big") + content)
