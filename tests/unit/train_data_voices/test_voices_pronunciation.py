"""Phones of words that no dictionary has."""
# ruff: noqa: RUF001  - the letters of the phonetic alphabet are meant

from wan_streamer.train.data.voices.pronunciation import arpabet


def test_signs_become_phones() -> None:
    """Diphthongs, affricates and the r-vowel are one phone each; stress and length are none."""
    assert arpabet("ˈæmbəɹfˌild") == ("AE", "M", "B", "ER", "F", "IY", "L", "D")
    assert arpabet("ʧˈɜɹʧ ʤˈI") == ("CH", "ER", "CH", "JH", "AY")
    assert arpabet("sˈOːʔ") == ("S", "OW", "T")
