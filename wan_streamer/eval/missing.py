"""Judges that the field uses and that cannot be had without their weights: they say so instead of being left out."""

from dataclasses import dataclass

from wan_streamer.eval.judge import Availability, Unavailable


@dataclass(frozen=True, kw_only=True)
class MissingJudge:
    """A judge whose weights no package carries."""

    name: str
    measures: str
    instead: str

    def availability(self) -> Availability:
        """Never available."""
        return Unavailable(f"weights missing: no package carries them; {self.instead}")


def missing_judges() -> tuple[MissingJudge, ...]:
    """All of them."""
    return (
        MissingJudge(
            name="LPIPS",
            measures="perceptual distance of two pictures (arXiv 1801.03924)",
            instead="the picture distance judge is a proxy whose numbers cannot be compared with it",
        ),
        MissingJudge(
            name="FID / FVD",
            measures="distance of two sets of pictures or films (arXiv 1706.08500, 1812.01717)",
            instead="there is no proxy",
        ),
        MissingJudge(
            name="SyncNet",
            measures="lip offset and confidence (LSE-D, LSE-C)",
            instead="the lips judge finds the offset on its own scale",
        ),
        MissingJudge(
            name="UTMOS", measures="naturalness of speech (arXiv 2204.02152)", instead="see speech quality (DNSMOS)"
        ),
        MissingJudge(
            name="NISQA", measures="quality of coded speech (arXiv 2104.09494)", instead="see speech quality (DNSMOS)"
        ),
        MissingJudge(
            name="ArcFace", measures="face identity (CSIM, arXiv 1801.07698)", instead="see face identity (dlib)"
        ),
    )
