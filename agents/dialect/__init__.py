"""The dialect of BASIC that flows are written in: text in, a generator of effects out. It knows no audio, no database.

source ──lexer──► tokens ──parser──► tree (ast) ──compiler──► instructions ──machine──► effects ◄──► a driver

lexer parser expressions cursor   the grammar
ast                               the tree
commands                          the statements that reach the world, as one table
compiler lowering operations      the tree as a flat list of instructions
machine program                   running it
effects                           what drivers are written against
values functions data formats     values, operators, built-in functions
filters                           FIND's filters as trees of comparisons with bound values
hear_types                        what HEAR AS TYPE understands
errors                            DialectError (not a program), FlowError (failed while it ran)
"""

from __future__ import annotations

from . import effects, filters
from .errors import DialectError, FlowError, FlowProblem, LimitReached
from .program import Program, Trigger, compile_flow

__all__ = [
    "DialectError",
    "FlowError",
    "FlowProblem",
    "LimitReached",
    "Program",
    "Trigger",
    "compile_flow",
    "effects",
    "filters",
]
