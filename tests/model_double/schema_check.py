"""Whether a tool's schema is one that the providers would take. What it objects to comes as sentences."""

import re

TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
DEPTH_MAX = 16


def schema_objections(schema, where, depth=0):
    if depth > DEPTH_MAX:
        return [f"{where}: deeper than {DEPTH_MAX}"]
    if not isinstance(schema, dict):
        return [f"{where}: a schema must be an object, got {type(schema).__name__}"]
    found = []
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in TYPES:
            found.append(f"{where}.type: {kind!r} is no type")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return found + [f"{where}.properties: must be an object"]
    for name, inner in properties.items():
        found += schema_objections(inner, f"{where}.properties.{name}", depth + 1)
    for name in schema.get("required", []):
        if name not in properties:
            found.append(f"{where}.required: {name!r} is no property")
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        found.append(f"{where}.enum: must be a list that is not empty")
    if isinstance(schema.get("items"), dict):
        found += schema_objections(schema["items"], f"{where}.items", depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        for index, inner in enumerate(schema.get(word, [])):
            found += schema_objections(inner, f"{where}.{word}[{index}]", depth + 1)
    return found


def tool_objections(tools):
    """`tools` as (name, description, schema)."""
    found, seen = [], set()
    for name, description, schema in tools:
        if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
            found.append(f"tools: {name!r} is no name of a tool")
            continue
        if name in seen:
            found.append(f"tools: {name} twice")
        seen.add(name)
        if not isinstance(description, str) or not description:
            found.append(f"tools.{name}: no description")
        found += schema_objections(schema, f"tools.{name}")
        if isinstance(schema, dict) and schema.get("type") != "object":
            found.append(f"tools.{name}: the schema's type must be object")
        if isinstance(schema, dict) and "client_token" in schema.get("properties", {}):
            found.append(f"tools.{name}: client_token is the run's, not the model's")
    return found
