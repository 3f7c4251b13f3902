# SPDX-License-Identifier: Apache-2.0
"""userspace/api/openapi.yaml, and whether an answer is what it says; for openapi_test.py here and in tests/kernel."""
import json
import pathlib

import jsonschema
import yaml


def load(file):
    document = yaml.safe_load(pathlib.Path(file).read_text())
    jsonschema.Draft202012Validator.check_schema({"$defs": document["components"]["schemas"]})
    close(document["components"]["schemas"])
    return document


def close(node):
    """What the document does not describe is an error here, though not for its readers: members may be added to a record."""
    if isinstance(node, dict):
        if "properties" in node and node.get("type") == "object":
            node.setdefault("additionalProperties", False)
        for below in node.values():
            close(below)
    elif isinstance(node, list):
        for below in node:
            close(below)


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def errors_of(document, schema, value):
    whole = {**schema, "components": document["components"]} if "$ref" not in schema else {
        "allOf": [schema], "components": document["components"]}
    validator = jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(value)]


def errors_of_answer(document, operation, answer):
    """`answer`: status, content type, text."""
    status, kind, data = answer
    responses = operation["responses"]
    if str(status) not in responses and (status < 400 or status == 503):
        return [f"status {status} is not described"]
    response = resolve(document, responses.get(str(status), responses["default"]))
    content = response.get("content")
    if content is None:
        return [f"an answer without content has one: {data}"] if data else []
    if kind not in content:
        return [f"content type {kind!r} is not described"]
    return errors_of(document, content[kind]["schema"], json.loads(data))
