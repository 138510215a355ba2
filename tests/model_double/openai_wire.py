"""POST /v1/chat/completions: what a request must be, and what an answer said."""

import json

from schema_check import tool_objections

ID_PREFIX = "call_"
PATH = "/v1/chat/completions"
KNOWN = {"model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "max_tokens",
         "max_completion_tokens", "temperature", "response_format", "stop", "top_p", "seed", "user"}


def header_objections(headers, key):
    found = []
    if headers.get("authorization") != f"Bearer {key}":
        found.append("headers: Authorization must be the bearer key")
    if "x-api-key" in headers:
        found.append("headers: x-api-key is another provider's")
    return found


def error_body(status, message):
    kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def objections(body, said):
    """`said`: id -> (name, arguments) of every call that was ever asked for."""
    found = [f"{name}: unknown member" for name in body if name not in KNOWN]
    if body.get("stream") is not True:
        found.append("stream: must be true")
    elif body.get("stream_options") != {"include_usage": True}:
        found.append("stream_options: usage was not asked for")
    limits = [name for name in ("max_tokens", "max_completion_tokens") if name in body]
    if len(limits) != 1 or not isinstance(body[limits[0]], int) or body[limits[0]] < 1:
        found.append("max_tokens: exactly one of max_tokens and max_completion_tokens, a positive integer")
    tools = body.get("tools")
    if tools is not None:
        if not isinstance(tools, list) or not tools:
            return found + ["tools: must be a list that is not empty, or left out"]
        for tool in tools:
            if tool.get("type") != "function" or not isinstance(tool.get("function"), dict):
                return found + ["tools: each must be {type: function, function: {...}}"]
        found += tool_objections([(t["function"].get("name"), t["function"].get("description"),
                                   t["function"].get("parameters")) for t in tools])
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return found + ["messages: at least one is required"]
    return found + message_objections(messages, said)


def message_objections(messages, said):
    found, awaited, last_role = [], [], None
    for index, message in enumerate(messages):
        where, role = f"messages[{index}]", message.get("role")
        if role not in ("system", "developer", "user", "assistant", "tool"):
            return found + [f"{where}.role: {role!r}"]
        if role != "tool" and awaited:
            found.append(f"{where}: tool_calls {awaited} have no answer before it")
            awaited = []
        if role in ("system", "developer") and index != 0:
            found.append(f"{where}: {role} must come first")
        if role == "user" and last_role == "user":
            found.append(f"{where}: two users in a row")
        if role == "assistant":
            found += assistant_objections(message, where, said)
            awaited = [call.get("id") for call in message.get("tool_calls", [])]
            if last_role in (None, "system", "developer"):
                found.append(f"{where}: an assistant must not come first")
        elif not isinstance(message.get("content"), str) or not message["content"]:
            found.append(f"{where}.content: must be a text that is not empty")
        if role == "tool":
            call_id = message.get("tool_call_id")
            if not awaited or call_id != awaited[0]:
                found.append(f"{where}: answers {call_id!r}, awaited were {awaited}")
            if call_id in awaited:
                awaited.remove(call_id)
        last_role = role
    if awaited:
        found.append(f"messages: tool_calls {awaited} have no answer")
    if last_role not in ("user", "tool"):
        found.append(f"messages: the last is {last_role}")
    return found


def assistant_objections(message, where, said):
    found = [f"{where}.{name}: must not be fed back" for name in ("reasoning", "reasoning_content", "thinking", "refusal")
             if message.get(name)]
    calls = message.get("tool_calls")
    if not message.get("content") and not calls:
        found.append(f"{where}: neither content nor tool_calls")
    if calls is not None and not calls:
        found.append(f"{where}.tool_calls: must not be empty")
    for call in calls or []:
        name, arguments = call.get("function", {}).get("name"), call.get("function", {}).get("arguments")
        if call.get("type") != "function" or not isinstance(arguments, str):
            found.append(f"{where}: a call must be {{id, type: function, function: {{name, arguments: text}}}}")
            continue
        try:
            parsed = json.loads(arguments)
        except ValueError:
            found.append(f"{where}: the arguments of {call.get('id')} are no JSON")
            continue
        if call.get("id", "").startswith(ID_PREFIX):
            found += echo_objections(call["id"], name, parsed, where, said)
    return found


def echo_objections(call_id, name, arguments, where, said):
    known = said.get(call_id) or said.get(("without an id", name))
    if known is None:
        return [f"{where}: the call {call_id} was never asked for"]
    said_name, said_arguments = known
    found = []
    if name != said_name:
        found.append(f"{where}: {call_id} was a call of {said_name}, comes back as {name}")
    try:
        expected = json.loads(said_arguments or "{}")
    except ValueError:
        expected = {}  # what was no JSON may come back as anything that is
    if isinstance(expected, dict) and expected and arguments != expected:
        found.append(f"{where}: the arguments of {call_id} were {said_arguments}, come back as {json.dumps(arguments)}")
    return found


def calls_said(parts):
    """id -> (name, arguments), assembled by index from the answer's own chunks."""
    calls = {}
    for document in documents(parts):
        for choice in document.get("choices") or []:
            delta = choice.get("delta") or choice.get("message") or {}
            for place, piece in enumerate(delta.get("tool_calls") or []):
                call = calls.setdefault(piece.get("index", place), {"id": "", "name": "", "arguments": ""})
                call["id"] = piece.get("id") or call["id"]
                call["name"] = piece.get("function", {}).get("name") or call["name"]
                call["arguments"] += piece.get("function", {}).get("arguments") or ""
    return {call["id"] or ("without an id", call["name"]): (call["name"], call["arguments"]) for call in calls.values()}, []


def documents(parts):
    text = "".join(part for part in parts if isinstance(part, str))
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    for line in lines or [text]:
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document


def texts_of(body):
    """(every text, the answers of tools, the answers to the last turn's calls)."""
    messages = body.get("messages") or []
    everything = "\n".join(json.dumps(message, ensure_ascii=False) for message in messages)
    answers = [message.get("content") or "" for message in messages if message.get("role") == "tool"]
    last = []
    for message in reversed(messages):
        if message.get("role") != "tool":
            break
        last.insert(0, message.get("content") or "")
    return everything, answers, last


def turns_said(body):
    return sum(1 for message in body.get("messages") or [] if message.get("role") == "assistant")


def models_body(names):
    return {"object": "list", "data": [{"id": name, "object": "model", "created": 1767225600, "owned_by": "double"}
                                       for name in names]}
