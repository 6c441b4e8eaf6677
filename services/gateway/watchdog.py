"""Ends sessions in which somebody has stopped: the client or the thinker."""

import asyncio
from typing import Final

from services.gateway.exchange import Exchange
from services.gateway.intake import Intake
from services.gateway.ledger import UnitLedger
from services.gateway.outbox import Outbox
from wan_streamer.errors import ClientGone, PeerUnavailable

CHECK_INTERVAL_S: Final = 0.1
# Rows of skipped units are small but not nothing: a client that reads slower than time passes must not gather them.
MAX_OPEN_UNITS: Final = 256


async def watch(
    *, intake: Intake, ledger: UnitLedger, exchange: Exchange, outbox: Outbox, idle_s: float, thinker_s: float
) -> None:
    """Checks until cancelled.

    Raises:
        ClientGone: CLIENT_IDLE, the client says nothing although it is its turn; CLIENT_STALLED, it reads nothing or
            too slowly.
        PeerUnavailable: THINKER_STALLED, the thinker owes an answer for too long.
    """
    loop = asyncio.get_running_loop()
    turn_since_s = loop.time()
    while True:
        await asyncio.sleep(CHECK_INTERVAL_S)
        now_s = loop.time()
        if not (intake.is_listening and (ledger.is_live or ledger.is_idle or ledger.waits_for_client)):
            turn_since_s = now_s
        elif now_s - max(turn_since_s, intake.last_message_loop_s) > idle_s:
            raise ClientGone(
                f"got no message for {idle_s:g} s, expected media or end_of_input; attach again to go on",
                reason="CLIENT_IDLE",
            )
        if outbox.blocked_s(now_s) > idle_s:
            raise ClientGone(
                f"got no reader for {idle_s:g} s, expected the client to take its units; read while you send",
                reason="CLIENT_STALLED",
            )
        if ledger.unit_count > MAX_OPEN_UNITS:
            raise ClientGone(
                f"got a reader {ledger.unit_count} units behind, expected {MAX_OPEN_UNITS} at most; read as you send",
                reason="CLIENT_STALLED",
            )
        owed = ledger.oldest_sent()
        if owed is not None and now_s - max(owed.sent_loop_s, exchange.last_answer_loop_s) > thinker_s:
            raise PeerUnavailable(
                f"the thinker gave no answer for {thinker_s:g} s; attach again, or create a new session",
                reason="THINKER_STALLED",
            )
