"""Transcripts of a model: what it says, turn by turn, as the bytes of its wire format, written by hand.

A transcript is a text file. Lines that begin with @ are directives, everything else is the body of the answer as it goes
over the wire. Comments begin with #.

  @turn [repeat]        the next turn begins; `repeat`: it is also every later one
  @try                  the next answer to the same request (after a failed one) begins; the last one repeats
  @status 429           instead of 200
  @header Name: value   besides Content-Type
  @type text/html       instead of text/event-stream
  @pause 0.2            the stream is silent for so many seconds
  @break                the connection ends here, in the middle of the answer
  @expect tool N contains TEXT | tool N lacks TEXT | tool N matches REGEX | tools N
                        what the request must hold: the N-th answer of the last turn's calls (from 1), or how many there are

In the body: ${id:1} an id of a call, new for each answer; ${nonce} likewise; ${first:fnd_} and ${last:scn_} the first or
last id of that kind anywhere in the request; ${match:REGEX} the first group of the last place in what tools have answered
where it matches: how an obedient model follows what it has read.
"""

import dataclasses
import pathlib
import re
import secrets

FOLDER = pathlib.Path(__file__).parent / "transcripts"
PLACEHOLDER = re.compile(r"\$\{(nonce|id|first|last|match)(?::((?:[^{}]|\{[^{}]*\})*))?\}")


class Unknown(Exception):
    """The request does not hold what the transcript goes on from."""


@dataclasses.dataclass
class Answer:
    status: int = 200
    content_type: str = "text/event-stream"
    headers: list = dataclasses.field(default_factory=list)
    parts: list = dataclasses.field(default_factory=list)  # texts, ("pause", seconds) and ("break",), in their order

    def add_line(self, line):
        if not self.parts or not isinstance(self.parts[-1], str):
            self.parts.append("")
        self.parts[-1] += line + "\n"


@dataclasses.dataclass
class Turn:
    repeats: bool = False
    expectations: list = dataclasses.field(default_factory=list)
    answers: list = dataclasses.field(default_factory=lambda: [Answer()])


def parse(text, name):
    turns = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#"):
            continue
        if not line.startswith("@"):
            if turns:
                turns[-1].answers[-1].add_line(line)
            elif line:
                raise ValueError(f"{name}:{number}: a body before the first @turn")
            continue
        word, _, rest = line[1:].partition(" ")
        if word == "turn":
            turns.append(Turn(repeats=rest == "repeat"))
            continue
        turn = turns[-1]
        answer = turn.answers[-1]
        if word == "try":
            turn.answers.append(Answer())
        elif word == "status":
            answer.status = int(rest)
            answer.content_type = "application/json"
        elif word == "type":
            answer.content_type = rest
        elif word == "header":
            answer.headers.append(tuple(rest.split(": ", 1)))
        elif word == "pause":
            answer.parts.append(("pause", float(rest)))
        elif word == "break":
            if answer.parts and not answer.parts[-1].endswith("\n\n"):
                answer.parts[-1] = answer.parts[-1].removesuffix("\n")  # in the middle of a line
            answer.parts.append(("break",))
        elif word == "expect":
            turn.expectations.append(rest)
        else:
            raise ValueError(f"{name}:{number}: no such directive: @{word}")
    for turn in turns:
        for answer in turn.answers:  # the blank line before the next directive is layout, unless it ends an event
            if answer.parts and isinstance(answer.parts[-1], str):
                answer.parts[-1] = answer.parts[-1].rstrip("\n") + "\n\n"
    return turns


def load(wire, scenario):
    """The turns of a scenario; None if there is none of that name."""
    path = FOLDER / wire / f"{scenario}.txt"
    if not re.fullmatch(r"[a-z0-9_]+", scenario) or not path.is_file():
        return None
    return parse(path.read_text(), path.name)


def scenarios(wire):
    return sorted(path.stem for path in (FOLDER / wire).glob("*.txt"))


def filled(answer, id_prefix, everything, tool_texts):
    """The answer's parts with its placeholders replaced. `everything` is all text of the request, in its order."""
    nonce = secrets.token_hex(8)

    def value(match):
        kind, argument = match.group(1), match.group(2)
        if kind == "nonce":
            return nonce
        if kind == "id":
            return f"{id_prefix}{nonce}{argument}"
        if kind in ("first", "last"):
            found = re.findall(re.escape(argument) + r"[0-9A-Z]{26}", everything)
            if not found:
                raise Unknown(f"the request holds no id {argument}...")
            return found[0 if kind == "first" else -1]
        found = [m for text in tool_texts for m in re.finditer(argument, text, re.S)]
        if not found:
            raise Unknown(f"no tool's answer matches {argument}")
        return found[-1].group(1)

    return [PLACEHOLDER.sub(value, part) if isinstance(part, str) else part for part in answer.parts]


def unmet(expectations, answers):
    """What the turn expects of the answers to the last turn's calls, and does not find: (text, is_error) each."""
    found = []
    for expectation in expectations:
        words = expectation.split(" ", 3)
        if words[0] == "tools":
            if len(answers) != int(words[1]):
                found.append(f"expected {words[1]} tool answers, got {len(answers)}")
            continue
        number = int(words[1])
        if number > len(answers):
            found.append(f"expected a tool answer {number}, got {len(answers)}")
            continue
        text = answers[number - 1]
        holds = {"contains": lambda: words[3] in text, "lacks": lambda: words[3] not in text,
                 "matches": lambda: re.search(words[3], text, re.S) is not None}[words[2]]()
        if not holds:
            found.append(f"expected {expectation}; got {text[:2000]!r}")
    return found
