"""The whole evaluation: conversations are chosen, talks made, judges asked, the report written."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from rich.console import Console

from wan_streamer.eval.conversations import names
from wan_streamer.eval.conversations.answer_book import AnswerBook
from wan_streamer.eval.conversations.heard import Heard
from wan_streamer.eval.conversations.held_out import HeldOut, choose_conversations
from wan_streamer.eval.conversations.judge_talks import judge_talks
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.listen import open_listener
from wan_streamer.eval.conversations.long_look import LongLook, look_long
from wan_streamer.eval.conversations.look import Onlooker
from wan_streamer.eval.conversations.make_talks import Job, long_job, make_talks, most_common_answer, usual_jobs
from wan_streamer.eval.conversations.open_talker import TalkerConfig
from wan_streamer.eval.conversations.options import ConverseOptions, chosen
from wan_streamer.eval.conversations.origin import remarks, used_weights
from wan_streamer.eval.conversations.performance import Performance
from wan_streamer.eval.conversations.report import MARKDOWN, Findings, report_markdown, write_report
from wan_streamer.eval.conversations.rows.full_duplex_bench import DuplexScores, duplex_scores
from wan_streamer.eval.conversations.score import Result
from wan_streamer.eval.conversations.spelling import Words, one_spelling
from wan_streamer.eval.conversations.table_rows import Row, all_rows
from wan_streamer.eval.conversations.talk_folder import TalkFolder
from wan_streamer.eval.evidence import gather_evidence
from wan_streamer.eval.face_identity import FaceIdentityJudge
from wan_streamer.eval.judge import Available, Unavailable
from wan_streamer.eval.words import WordJudge
from wan_streamer.train.data.generate.domain_files import read_domain
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.timeline import Timeline
from wan_streamer.unit import UNIT_MS

MODULE = "wan_streamer.eval.conversations"
# Whose picture can change at all.
LONG_SYSTEMS = (names.MODEL, names.TRUTH)


def evaluate(options: ConverseOptions, console: Console) -> None:
    """Does it all; what is there from an earlier run of the same command is not done again.

    Raises:
        InvalidInput: data, weights or the domain are missing or damaged, or talks are there of something else.
        OSError: a file cannot be written.
    """
    evaluation = _Evaluation(options)
    evaluation.make(console)
    findings = evaluation.find()
    write_report(options.out, findings)
    console.print(report_markdown(findings), markup=False, highlight=False, soft_wrap=True)
    console.print(f"{options.out / MARKDOWN}", highlight=False, markup=False, soft_wrap=True)


class _Evaluation:
    def __init__(self, options: ConverseOptions) -> None:
        self._options = options
        self._cache = DataCache(options.cache)
        self._systems = chosen(options.systems, names.SYSTEMS, "--systems")
        self._groups = chosen(options.rows, names.ROWS, "--rows")
        self._held_out = choose_conversations(options.data, options.count)
        self._listener, self._onlooker = open_listener(self._cache), Onlooker(self._cache)
        self._films = min(options.films, len(self._held_out)) if self._sees else 0

    @cached_property
    def _timelines(self) -> dict[str, Timeline]:
        return {one.name: one.conversation().timeline for one in self._held_out}

    @property
    def _hears(self) -> bool:
        return isinstance(self._listener.judges()[0].availability(), Available)

    @property
    def _sees(self) -> bool:
        is_asked = any(group in self._groups for group in names.SEEN_ROWS)
        return is_asked and self._hears and isinstance(self._onlooker.judge.availability(), Available)

    def make(self, console: Console) -> None:
        """Talks and what the judges say of them."""
        options, jobs = self._options, [*self._usual_jobs(), *self._rendered_jobs(), *self._long_jobs()]
        make_talks(jobs, self._talker_config(), options.out, options.processes, console)
        if self._hears:
            usual = [job.folder for job in (*self._usual_jobs(), *self._rendered_jobs())]
            filmed = [folder for folder in usual if folder.name in self._filmed]
            judge_talks(usual, filmed, options.cache, options.processes, console)

    def find(self) -> Findings:
        """Everything that the report says."""
        options = self._options
        performances = tuple(self._performances())
        rows = [row for row in all_rows() if row.group in self._groups]
        return Findings(
            performances=performances,
            rows=tuple((row, {one.system: self._measure(row, one) for one in performances}) for row in rows),
            duplex=self._duplex(performances),
            evidence=gather_evidence(MODULE, list(used_weights(options, self._systems)), options.data, options.seed),
            notes=tuple(remarks(options, performances, self._films)),
        )

    def _usual_jobs(self) -> list[Job]:
        return list(usual_jobs(self._options.out, self._systems, self._held_out, self._films))

    def _rendered_jobs(self) -> list[Job]:
        if names.LIPS not in self._groups or names.RENDERED in self._systems:
            return []
        return list(usual_jobs(self._options.out, [names.RENDERED], self._held_out[: self._films], self._films))

    def _long_jobs(self) -> list[Job]:
        units = round(self._options.long_minutes * 60_000 / UNIT_MS)
        if names.IDENTITY not in self._groups or not units:
            return []
        systems = [system for system in self._systems if system in LONG_SYSTEMS]
        return [long_job(self._options.out, system, self._held_out, units) for system in systems]

    @property
    def _filmed(self) -> set[str]:
        return {one.name for one in self._held_out[: self._films]}

    def _talker_config(self) -> TalkerConfig:
        options = self._options
        return TalkerConfig(
            preset=options.preset,
            weights=options.weights,
            solver_steps=options.solver_steps,
            seed=options.seed,
            common_answer=most_common_answer(self._held_out) if names.COMMON in self._systems else "",
            agent=read_domain(options.domain).agent,
            cache=options.cache,
        )

    def _performances(self) -> Iterator[Performance]:
        words = self._words()
        book = AnswerBook(read_domain(self._options.domain), words)
        rendered = self._judge(self._rendered_jobs(), book)
        longs = {job.system: self._look_long(job) for job in self._long_jobs()}
        jobs = self._usual_jobs()
        for system in self._systems:
            talks = self._judge([job for job in jobs if job.system == system], book)
            yield Performance(
                system=system,
                talks=talks,
                long=longs.get(system),
                rendered=talks if system == names.RENDERED else rendered,
                words=words,
                seed=self._options.seed,
            )

    def _words(self) -> Words:
        judge = WordJudge(self._cache)
        # Without it no row with words has a number.
        return one_spelling(judge.words if isinstance(judge.availability(), Available) else str.split)

    def _judge(self, jobs: Sequence[Job], book: AnswerBook) -> tuple[Judged, ...]:
        return tuple(self._judged(job.parts[0], TalkFolder(job.folder), book) for job in jobs)

    def _judged(self, one: HeldOut, folder: TalkFolder, book: AnswerBook) -> Judged:
        nothing = Heard(spans=(), utterances=(), stretches=())
        heard = self._listener.listen(folder) if self._hears else nothing
        return Judged(
            name=one.name,
            timeline=self._timelines[one.name],
            unknown_phrasings=one.unknown_phrasings,
            written=folder.read().text,
            heard=heard,
            looked=self._onlooker.look(folder, heard) if one.name in self._filmed else None,
            book=book,
        )

    def _look_long(self, job: Job) -> LongLook:
        return look_long(TalkFolder(job.folder), FaceIdentityJudge(self._cache))

    def _measure(self, row: Row, performance: Performance) -> Result:
        judges = {judge.name: judge for judge in (*self._listener.judges(), self._onlooker.judge)}
        for name in row.judges:
            found = judges[name].availability()
            if isinstance(found, Unavailable):
                return Unavailable(f"{name}: {found.reason}")
        return row.measure(performance)

    def _duplex(self, performances: Sequence[Performance]) -> dict[str, DuplexScores]:
        if names.DUPLEX not in self._groups or not self._hears:
            return {}
        return {one.system: duplex_scores(one.talks) for one in performances}
