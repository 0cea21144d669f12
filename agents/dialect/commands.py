"""The statements that reach the world, as one table: phrase, effect, arguments.

    phrase | name | arguments

An argument is ``name``, ``name?`` (may be left out), ``name~`` (a bare word is the word itself, so ``USE KB manual``
and ``FIND customers`` need no quotes) and ``name/LINK`` (introduced by that word, or by a comma as all are). A name
that isn't one of the machine's own effects (``effects.py``) becomes ``Action(name, args)`` with these argument names.
The longest phrase wins. A phrase of one word is a statement only where an expression follows it, so ``sentiment.score``
and a variable called ``book`` keep their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TABLE: Final = """
FIND                     | find                  | table~ filter?/WHERE limit?/LIMIT
CREATE                   | create                | table~ values
INSERT                   | create                | table~ values
INSERT INTO              | create                | table~ values/WITH
UPDATE                   | update                | table~ filter values
DELETE                   | delete                | table~ filter/WHERE
DELETE FROM              | delete                | table~ filter/WHERE
SAVE                     | save                  | table~ id values?
MERGE                    | merge                 | table~ data key?
TRANSFER TO HUMAN        | transfer_to_human     | target? priority? reason? destination?
TRANSFER_TO_HUMAN        | transfer_to_human     | target? priority? reason? destination?
TRANSFER_TO_HUMAN_EX     | transfer_to_human     | target
SET SESSION              | set_session           | key~ value/TO
GET SESSION              | get_session           | key~
SET BOT MEMORY           | set_bot_memory        | key~ value/TO
GET BOT MEMORY           | get_bot_memory        | key~
SET USER MEMORY          | set_user_memory       | key~ value/TO
GET USER MEMORY          | get_user_memory       | key~
REMEMBER                 | set_user_memory       | key value
NOTIFY                   | notify                | to~ message
CREATE MEETING           | create_meeting        | options?
WAIT                     | wait                  | seconds
PLAY                     | play                  | source
HANG UP                  | hang_up               |
HANGUP                   | hang_up               |
PRINT                    | log                   | text
GET QUEUE                | get_queue             | filter?
NEXT IN QUEUE            | next_in_queue         | filter?
ASSIGN CONVERSATION      | assign_conversation   | session attendant/TO
RESOLVE CONVERSATION     | resolve_conversation  | session reason?/WITH
SET PRIORITY             | set_priority          | session priority/TO
GET ATTENDANTS           | get_attendants        | status?/WITH STATUS
GET ATTENDANT STATS      | get_attendant_stats   | attendant
SET ATTENDANT STATUS     | set_attendant_status  | attendant status/TO
GET TIPS                 | get_tips              | session message?
POLISH MESSAGE           | polish_message        | message tone?
GET SMART REPLIES        | get_smart_replies     | session
GET SUMMARY              | get_summary           | session
ANALYZE SENTIMENT        | analyze_sentiment     | session message?
TAG CONVERSATION         | tag_conversation      | session tag/WITH
ADD NOTE                 | add_note              | note session?/TO
GET CUSTOMER HISTORY     | get_customer_history  | customer
SEND TO SESSION          | send_to_session       | session message
GET                      | http_get              | url
POST                     | http_post             | url data? content_type?
PUT                      | http_put              | url data? content_type?
PATCH                    | http_patch            | url data? content_type?
DELETE HTTP              | http_delete           | url
SET HEADER               | set_header            | name value
GRAPHQL                  | graphql               | url query variables?
SOAP                     | soap                  | url operation params?
SEND MAIL                | send_mail             | to subject body files? account?/USING
SEND TEMPLATE            | send_template         | template to/TO values?/WITH
SEND SMS                 | send_sms              | phone message provider? priority?
BROADCAST                | broadcast             | message to?/TO
SEND FILE TO             | send_file             | to file caption?
LLM                      | llm                   | prompt context?
SET CONTEXT              | set_context           | name text?/AS
USE MODEL                | use_model             | name~
USE KB                   | use_kb                | name~
THINK KB                 | think_kb              | query
CLEAR KB                 | clear_kb              | name?~
USE WEBSITE              | use_website           | url
USE TOOL                 | use_tool              | name~
ADD TOOL                 | use_tool              | name~
CLEAR TOOLS              | clear_tools           |
ADD SUGGESTION           | add_suggestion        | key text?/AS
CLEAR SUGGESTIONS        | clear_suggestions     |
SET USER                 | set_user              | user
CREATE TASK              | create_task           | title description? assignee? due? priority?
CREATE LEAD              | create_lead           | values
SCORE LEAD               | score_lead            | lead
BOOK                     | book                  | title start? duration? attendees?/WITH
START MEET               | start_meet            | name? options?
JOIN MEET                | join_meet             | room
LEAVE MEET               | leave_meet            | room?
INVITE TO MEET           | invite_to_meet        | room participants
TALK TO MEET             | talk_to_meet          | room message
HEAR FROM MEET           | hear_from_meet        | room
CLASSIFY                 | classify              | text categories?
SENTIMENT                | sentiment             | text
TRANSLATE                | translate             | text language/TO
SUMMARIZE                | summarize             | text
VALIDATE                 | validate              | value kind/AS
DETECT                   | detect                | data
CALL BACK                | callback              | phone when?/AT
SEND DIGITS              | send_digits           | digits
"""

# What a flow says of itself; also yielded as an Action when the line is reached.
_DECLARATIONS: Final = """
SET SCHEDULE             | set_schedule          | when cron?
WEBHOOK                  | webhook               | name~
DESCRIPTION              | description           | text
"""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    optional: bool
    bare: bool
    link: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandSpec:
    phrase: tuple[str, ...]
    name: str
    parameters: tuple[Parameter, ...]

    @property
    def spoken(self) -> str:
        return " ".join(self.phrase)


def _parameter(written: str) -> Parameter:
    head, _, link = written.partition("/")
    return Parameter(head.rstrip("?~"), "?" in head, "~" in head, tuple(link.split("_")) if link else ())


def _read(table: str) -> dict[str, list[CommandSpec]]:
    found: dict[str, list[CommandSpec]] = {}
    for row in table.strip().splitlines():
        phrase, name, arguments = (part.strip() for part in row.split("|"))
        words = arguments.replace("/WITH STATUS", "/WITH_STATUS").split()
        spec = CommandSpec(tuple(phrase.split()), name, tuple(_parameter(word) for word in words))
        found.setdefault(spec.phrase[0], []).append(spec)
    for specs in found.values():
        specs.sort(key=lambda spec: -len(spec.phrase))
    return found


COMMANDS: Final = _read(_TABLE)
"""First word of the phrase to its statements, longest first."""

DECLARATIONS: Final = _read(_DECLARATIONS)

STATEMENTS: Final = (
    "TALK",
    "HEAR",
    "IF",
    "ELSEIF",
    "ELSE",
    "END IF",
    "SWITCH",
    "SELECT CASE",
    "CASE",
    "DEFAULT",
    "END SWITCH",
    "END SELECT",
    "FOR",
    "FOR EACH",
    "NEXT",
    "WHILE",
    "WEND",
    "DO",
    "LOOP",
    "SUB",
    "END SUB",
    "FUNCTION",
    "END FUNCTION",
    "CALL",
    "RETURN",
    "EXIT",
    "ON ERROR",
    "LET",
    "DIM",
    "REM",
    "PARAM",
    "BEGIN TALK",
    "END TALK",
    "BEGIN MAIL",
    "BEGIN SYSTEM PROMPT",
    *(spec.spoken for table in (COMMANDS, DECLARATIONS) for specs in table.values() for spec in specs),
)
"""Every way a statement can begin: what a misspelt one is compared with."""
