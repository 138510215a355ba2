"""POST /v1/messages: what a request must be, and what an answer said."""

import json

from openai_wire import documents, echo_objections
from schema_check import tool_objections

ID_PREFIX = "toolu_"
PATH = "/v1/messages"
VERSION = "2023-06-01"
KNOWN = {"model", "messages", "system", "stream", "tools", "tool_choice", "max_tokens", "temperature", "thinking", "metadata",
         "stop_sequences", "top_p", "top_k"}


def header_objections(headers, key):
    found = []
    if headers.get("x-api-key") != key:
        found.append("headers: x-api-key must be the key")
    if headers.get("anthropic-version") != VERSION:
        found.append(f"headers: anthropic-version must be {VERSION}")
    return found


def error_body(status, message):
    kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def objections(body, said):
    """`said`: id -> (name, input) of calls, signature -> the block of thinking."""
    found = [f"{name}: unknown member" for name in body if name not in KNOWN]
    if body.get("stream") is not True:
        found.append("stream: must be true")
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        found.append("max_tokens: required, a positive integer")
    if "system" in body and not body["system"]:
        found.append("system: must not be empty")
    tools = body.get("tools")
    if tools is not None:
        found += tool_objections([(t.get("name"), t.get("description"), t.get("input_schema")) for t in tools])
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return found + ["messages: at least one is required"]
    return found + message_objections(messages, said)


def message_objections(messages, said):
    found, awaited, last_role = [], [], None
    for index, message in enumerate(messages):
        where, role, content = f"messages[{index}]", message.get("role"), message.get("content")
        if role not in ("user", "assistant") or role == last_role:
            found.append(f"{where}.role: {role!r} after {last_role!r}")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        if not content:
            return found + [f"{where}.content: must not be empty"]
        found += [f"{where}: an empty text" for block in content
                  if block.get("type") == "text" and not block.get("text", "").strip()]
        results = [block for block in content if block.get("type") == "tool_result"]
        if role == "user":
            if content[:len(results)] != results:
                found.append(f"{where}: tool_results must come first")
            answered = [block.get("tool_use_id") for block in results]
            if answered != awaited:
                found.append(f"{where}: answers {answered}, awaited were {awaited}")
            found += [f"{where}: a tool_result without content" for block in results if not block.get("content")]
            awaited = []
        else:
            found += assistant_objections(content, where, said)
            awaited = [block.get("id") for block in content if block.get("type") == "tool_use"]
        last_role = role
    if messages[0].get("role") != "user":
        found.append("messages: the first must be a user's")
    if awaited:
        found.append(f"messages: tool_use {awaited} have no tool_result")
    return found


def assistant_objections(content, where, said):
    found, has_call = [], False
    for block in content:
        kind = block.get("type")
        if kind == "tool_use":
            has_call = True
            if not isinstance(block.get("input"), dict):
                found.append(f"{where}: the input of {block.get('id')} is no object")
            found += echo_objections(block.get("id"), block.get("name"), block.get("input"), where, said)
        elif kind in ("thinking", "redacted_thinking"):
            key = block.get("signature") or block.get("data")
            if said.get(key) != block:
                found.append(f"{where}: a block of thinking came back changed: {json.dumps(block)[:300]}")
            if has_call:
                found.append(f"{where}: thinking after a tool_use")
        elif kind != "text":
            found.append(f"{where}: a block of type {kind!r}")
    for block in content:  # what was thought before a call of ours must come back with it
        wanted = said.get(("thinking of", block.get("id")))
        if wanted and wanted not in content:
            found.append(f"{where}: the thinking before {block.get('id')} is missing")
    return found


def calls_said(parts):
    """(id -> (name, input) and key -> block of thinking, stop reasons)."""
    blocks, stops = {}, []
    for event in documents(parts):
        if event.get("type") == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "pieces": ""}
        elif event.get("type") == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            if delta["type"] == "input_json_delta":
                block["pieces"] += delta["partial_json"]
            elif delta["type"] == "thinking_delta":
                block["thinking"] += delta["thinking"]
            elif delta["type"] == "signature_delta":
                block["signature"] += delta["signature"]
        elif event.get("type") == "message_delta":
            stops.append(event["delta"].get("stop_reason"))
    said, thinking = {}, None
    for _, block in sorted(blocks.items()):
        pieces = block.pop("pieces")
        if block["type"] == "tool_use":
            said[block["id"]] = (block["name"], pieces)
            if thinking:
                said[("thinking of", block["id"])] = thinking
        elif block["type"] in ("thinking", "redacted_thinking"):
            thinking = block
            said[block.get("signature") or block.get("data")] = block
    return said, stops


def text_of(block):
    content = block.get("content", "")
    return content if isinstance(content, str) else "\n".join(inner.get("text", "") for inner in content)


def texts_of(body):
    messages = body.get("messages") or []
    everything = "\n".join(json.dumps(message, ensure_ascii=False) for message in messages)
    answers, last = [], []
    for message in messages:
        blocks = message.get("content") if isinstance(message.get("content"), list) else []
        last = [text_of(block) for block in blocks if block.get("type") == "tool_result"]
        answers += last
    return everything, answers, last


def turns_said(body):
    return sum(1 for message in body.get("messages") or [] if message.get("role") == "assistant")


def models_body(names):
    return {"data": [{"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in names],
            "has_more": False, "first_id": names[0], "last_id": names[-1]}
