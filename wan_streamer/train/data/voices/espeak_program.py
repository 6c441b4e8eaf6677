"""Runs eSpeak NG's library in a process of its own: `python -I -S espeak_program.py LIBRARY DATA`.

Standard input is JSON. `{"voice", "rate_wpm", "text"}` -> 16-bit samples at 22,050 Hz. `{"voice", "clauses"}` -> JSON,
IPA phonemes of each clause. A process of its own because the library is under the GPL, which we are not, and because
it carries its intonation from one sentence to the next. Needs nothing but Python.
"""

import ctypes
import json
import sys
from typing import Any

_RETRIEVAL = 1
_RATE = 1
_UTF8 = 1
_IPA = 2
_CHUNK_MS = 200


def main() -> int:
    """Does the one request; exit code 1 when the library or the voice is missing."""
    library = ctypes.CDLL(sys.argv[1])
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    request = json.load(sys.stdin)
    if library.espeak_Initialize(_RETRIEVAL, _CHUNK_MS, sys.argv[2].encode(), 0) <= 0:
        return 1
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        return 1
    # it takes the clock for a seed otherwise
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    if "clauses" in request:
        sys.stdout.write(json.dumps([_phonemes(library, clause) for clause in request["clauses"]]))
    else:
        sys.stdout.buffer.write(_samples(library, request))
    return 0


def _samples(library: Any, request: dict[str, Any]) -> bytes:
    pieces: list[bytes] = []

    def on_samples(wave: Any, count: int, _events: Any) -> int:
        if wave and count > 0:
            pieces.append(ctypes.string_at(wave, 2 * count))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    callback = kind(on_samples)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetParameter(_RATE, request["rate_wpm"], 0)
    text = request["text"].encode()
    library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return b"".join(pieces)


def _phonemes(library: Any, clause: str) -> str:
    rest = ctypes.c_char_p(clause.encode())
    said = []
    while rest.value:
        said.append(library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA).decode())
    return " ".join(said)


if __name__ == "__main__":
    sys.exit(main())
