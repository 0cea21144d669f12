"""The driver of a flow on a phone call: takes each effect of the dialect, does it, and gives the flow its answer.

    Program.run ──effect──► Dialog ──► the caller's ear (LiveCall.say, ask)
         ▲                     ├─────► the ledger (FIND, CREATE, TRANSFER TO HUMAN, SET SESSION)
         └──────answer─────────┘

The flow's place is the generator's own, held here, so a media process that dies in the middle of a sentence costs that
sentence: ``LiveCall`` says it again through another process, and the flow never knows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agents.dialect import DialectError, FlowError, Program, compile_flow, effects
from config.agents import DialectSettings

from .ledger import Handover, Ledger

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent / "flows"


class Terminal(Protocol):
    """The caller's end of a dialog, as ``LiveCall`` gives it."""

    id: str

    async def say(self, words: str, *, interruptible: bool = True, **question: Any) -> dict[str, Any]: ...

    async def ask(self, **expect: Any) -> dict[str, Any]: ...


class FlowBook:
    """The flows of this installation, compiled when they are first used and again when their file changed."""

    def __init__(self, settings: DialectSettings) -> None:
        self.settings = settings
        self._dir = Path(settings.flows_dir) if settings.flows_dir else SHIPPED
        self._programs: dict[str, tuple[float, Program]] = {}

    def program(self, name: str) -> Program:
        """The flow *name* (``start`` is ``start.bas``). A file that was broken meanwhile leaves the last good one.

        Raises:
            DialectError: it never compiled.
            FileNotFoundError: there is no such flow.
        """
        path = self._dir / f"{name}.bas"
        changed = path.stat().st_mtime
        known = self._programs.get(name)
        if known is not None and known[0] == changed:
            return known[1]
        try:
            program = compile_flow(path.read_text(encoding="utf-8"), path.name, self.settings)
        except DialectError as error:
            log.error("flow_refused", extra={"flow": path.name, "error": str(error)})
            if known is None:
                raise
            self._programs[name] = (changed, known[1])
            return known[1]
        self._programs[name] = (changed, program)
        return program

    def prompts(self) -> tuple[str, ...]:
        """Every fixed sentence of every flow, to be rendered ahead."""
        found: list[str] = []
        for path in sorted(self._dir.glob("*.bas")):
            try:
                found += self.program(path.stem).prompts()
            except DialectError:
                continue
        return tuple(dict.fromkeys(found))


@dataclass(slots=True)
class Dialog:
    """One run of *program* with one caller."""

    program: Program
    call: Any  # a LiveCall: the Terminal, and what the ledger writes about
    ledger: Ledger
    settings: DialectSettings
    handover: Handover | None = None

    async def run(self) -> Handover | None:
        """Run the flow to its end. Who should take over, or None when the bot was enough.

        Raises:
            SpeechDown, NoCapacity: as ``LiveCall.say`` does; the flow is abandoned where it stands.
        """
        session = await self.ledger.session_variables(self.call)
        flow = self.program.run({"session": session, "intent": "", "sentiment": {"score": 0}})
        try:
            effect = flow.send(None)
            while True:
                if isinstance(effect, effects.HangUp):
                    break
                if isinstance(effect, effects.Talk) and effect.to is None:
                    effect = await self._talk(flow, effect)
                    continue
                try:
                    value = await self._do(effect)
                except FlowError as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(value)
        except StopIteration:
            pass
        except FlowError as error:
            # The author's mistake must not be the caller's: somebody takes over.
            log.error("flow_failed", extra={"call": self.call.id, "flow": self.program.name, "error": str(error)})
            return self.handover or await self.hand_over_anyway("flow_failed")
        finally:
            flow.close()
        return self.handover

    async def _talk(self, flow: Generator[effects.Effect, Any, Any], talk: effects.Talk) -> effects.Effect:
        """Say it; the effect that comes next.

        A TALK has no answer, so the flow may be asked for what follows before it is said: of a question's last sentence
        the hoped-for answers are known while it is spoken. A caller who talks over one sentence is not told the ones
        that stand before the HEAR: the answer is already being given.
        """
        following: effects.Effect | StopIteration
        try:
            following = flow.send(None)
        except StopIteration as over:
            following = over
        question = {}
        if isinstance(following, effects.Hear):
            question = {"options": list(following.options), "max_digits": following.max_digits or 0}
        said = await self.call.say(talk.text, **question)
        while said["interrupted"] and isinstance(following, effects.Talk) and following.to is None:
            following = flow.send(None)
        if isinstance(following, StopIteration):
            raise following
        return following

    async def hand_over_anyway(self, reason: str) -> Handover:
        """Into the default queue, because the bot cannot go on."""
        if self.handover is None:
            answer = await self.ledger.transfer(self.call, effects.TransferToHuman(reason=reason))
            self.handover = answer.handover
        assert self.handover is not None
        return self.handover

    async def _do(self, effect: effects.Effect) -> Any:
        ledger, call = self.ledger, self.call
        match effect:
            case effects.Hear():
                return await self._hear(effect)
            case effects.Find():
                return await ledger.find(call, effect.table, effect.filter, effect.limit)
            case effects.Create():
                return await ledger.create(call, effect.table, effect.values)
            case effects.Update():
                return await ledger.update(call, effect.table, effect.filter, effect.values)
            case effects.Delete():
                return await ledger.delete(call, effect.table, effect.filter)
            case effects.Save():
                return await ledger.save(call, effect.table, effect.id, effect.values)
            case effects.TransferToHuman():
                answer = await ledger.transfer(call, effect)
                self.handover = answer.handover or self.handover
                return answer.value
            case effects.SetSession():
                await ledger.set_session(call, effect.key, effect.value)
            case effects.GetMemory():
                return await ledger.memory(call, effect.scope, effect.key)
            case effects.SetMemory():
                await ledger.remember(call, effect.scope, effect.key, effect.value)
            case effects.Notify():
                ledger.notify(call, effect.to, effect.message)
            case effects.Wait():
                await asyncio.sleep(effect.seconds)
            case effects.Breathe():
                await asyncio.sleep(0)
            case effects.Log():
                log.info("flow_printed", extra={"call": call.id, "pii.text": effect.text})
            case effects.SystemPrompt() | effects.HangUp():
                pass
            case effects.Play():
                raise FlowError("not_supported", f"PLAY {effect.source!r} não está disponível em ligações.")
            case effects.CallMethod():
                raise FlowError("not_supported", f"{effect.object}.{effect.method} não existe em ligações.")
            case _:
                name = getattr(effect, "name", type(effect).__name__)
                raise FlowError("not_supported", f"{name} não está disponível em ligações.")
        return None

    async def _hear(self, effect: effects.Hear) -> effects.Answer:
        if self.handover is not None:
            # Handed over: what the caller says now is for a person (S5), not for the flow.
            raise FlowError("handed_over", "HEAR depois de TRANSFER TO HUMAN: a conversa já está com um atendente.")
        began = time.monotonic()
        heard = await self.call.ask(
            timeout_s=self.settings.hear_timeout_s, max_digits=effect.max_digits or 0, options=list(effect.options)
        )
        log.info(
            "heard",
            extra={
                "call": self.call.id, "via": heard["via"], "seconds": round(time.monotonic() - began, 2),
                "pii.text": "" if effect.sensitive else heard["text"],
            },
        )  # fmt: skip
        if heard["via"] == "timeout":
            return effects.Answer(None, "timeout")
        return effects.Answer(heard["text"], heard["via"], heard.get("confidence"))
