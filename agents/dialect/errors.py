"""What can go wrong with a flow, told to the person who wrote it: in Portuguese, with a place and a way out.

    FlowProblem
    ├── DialectError   the text is not a program: raised by ``compile_flow`` alone
    └── FlowError      a statement failed while the flow ran; ``ON ERROR RESUME NEXT`` catches it
        └── LimitReached   a bound of the dialect was hit; never caught by the flow, so that no flow can spin for ever

Flows are text written by customers, so the blame is always theirs (``author``) unless a driver says otherwise.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Blame = Literal["author", "caller", "service"]


class FlowProblem(Exception):
    """Base of all. ``str()`` is one paragraph for the flow's author."""

    blame: Blame = "author"
    retry: ClassVar[bool] = False

    def __init__(self, code: str, what: str, fix: str = "", *, flow: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(code, what)
        self.code = code
        self.what = what
        self.fix = fix
        self.flow = flow
        self.line = line  # 1-based; 0: not known
        self.column = column  # 1-based, counted in characters; 0: not known

    def __str__(self) -> str:
        place = self.flow or "fluxo"
        if self.line:
            place += f", linha {self.line}"
        if self.column:
            place += f", coluna {self.column}"
        return f"{place}: {self.what} {self.fix}".rstrip() + f" [{self.code}]"


class DialectError(FlowProblem):
    """The source is not a program of the dialect."""


class FlowError(FlowProblem):
    """A statement failed at run time.

    A driver throws it into the generator when it can't do what an effect asks
    (``FlowError("table_unknown", "A tabela 'x' não existe.")``); the machine fills in flow and line.
    """

    def __init__(
        self,
        code: str,
        what: str,
        fix: str = "",
        *,
        flow: str = "",
        line: int = 0,
        column: int = 0,
        blame: Blame = "author",
    ) -> None:
        super().__init__(code, what, fix, flow=flow, line=line, column=column)
        self.blame = blame


class LimitReached(FlowError):
    """A bound (iterations, text, nesting, calls) was hit; the flow ends whatever it says about errors."""
