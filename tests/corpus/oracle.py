"""What the examples of AsyncAPI documents say, and whether their schemas agree.

Independent of specwire on purpose: PyYAML reads the documents and `jsonschema` judges them.

    oracle.py examples INDEX FOLDER    one JSON line for each example of the documents in the index
    oracle.py compare EXAMPLES WRITTEN one JSON line for each example that was written back
"""

import functools
import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import jsonschema
import yaml
from referencing import Registry
from referencing.jsonschema import DRAFT7


class Loader(yaml.CSafeLoader):
    """YAML 1.2's core schema, in which `no` is a word and a date is text."""

    yaml_implicit_resolvers = {}


CORE = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    "merge": (r"<<", ["<"]),
}
for tag, (pattern, first) in CORE.items():
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), first)


def integer(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)


def mapping(loader, node):
    loader.flatten_mapping(node)
    result = {}
    yield result
    for key, value in node.value:
        result[key.value] = loader.construct_object(value, deep=True)


Loader.add_constructor("tag:yaml.org,2002:int", integer)
Loader.add_constructor("tag:yaml.org,2002:map", mapping)


@functools.cache
def load(uri):
    """A file, with every reference in it made absolute."""
    path = Path(unquote(urlsplit(uri).path))
    text = path.read_text(encoding="utf-8-sig")
    tree = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader)
    return absolute(tree, uri, {})


def absolute(tree, base, seen):
    if isinstance(tree, list):
        return [absolute(item, base, seen) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if id(tree) not in seen:
        result = seen[id(tree)] = {}
        for key, value in tree.items():
            if key == "$ref" and isinstance(value, str):
                result[key] = urljoin(base, value) if not value.startswith("#") else base + value
            # Identifiers would have `jsonschema` look for references elsewhere.
            elif key not in ("$id", "$schema") or not isinstance(value, str):
                result[key] = absolute(value, base, seen)
    return seen[id(tree)]


def follow(uri):
    file, _, pointer = uri.partition("#")
    node = load(file)
    for token in unquote(pointer).split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        node = node[int(token)] if isinstance(node, list) else node[token]
    return node


def deref(node, place):
    """What a reference stands for in the end, and where that is."""
    for _ in range(50):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node, place
        place = node["$ref"]
        node = follow(place)
    raise LookupError("references without end")


def members(node):
    return node.items() if isinstance(node, dict) else []


def escape(token):
    return str(token).replace("~", "~0").replace("/", "~1")


def messages(uri):
    """Every message of a document by its place, with the names that it may go by."""
    document = load(uri)
    found = {}

    def note(key, node, place):
        try:
            node, place = deref(node, place)
        except (LookupError, OSError, ValueError):
            return
        if isinstance(node, dict):
            names = found.setdefault(place, (node, []))[1]
            # A reference to a message in `components` is known by its key there as well.
            for name in (node.get("name"), place.rsplit("/", 1)[-1], key):
                if isinstance(name, str) and name not in names:
                    names.append(name)

    components = document.get("components")
    components = components if isinstance(components, dict) else {}
    for key, node in members(components.get("messages")):
        note(key, node, f"{uri}#/components/messages/{escape(key)}")
    for where, channels in (("", document.get("channels")), ("/components", components.get("channels"))):
        for channel, node in members(channels):
            try:
                node, place = deref(node, f"{uri}#{where}/channels/{escape(channel)}")
            except (LookupError, OSError, ValueError):
                continue
            for key, message in members(node.get("messages") if isinstance(node, dict) else None):
                note(key, message, f"{place}/messages/{escape(key)}")
    return found


def merged(message, place):
    """A message with its traits (JSON Merge Patch, in which the message has the last word)."""

    def patch(target, source):
        if not isinstance(source, dict):
            return source
        target = dict(target) if isinstance(target, dict) else {}
        for key, value in source.items():
            target[key] = patch(target.get(key), value)
        return target

    result = {}
    for trait in message.get("traits") or []:
        trait, _ = deref(trait, place)
        if isinstance(trait, dict):
            trait = {**trait, "headers": deref(trait["headers"], place)[0]} if "headers" in trait else trait
            result = patch(result, trait)
    if not result:
        return message
    own = {**message, "headers": deref(message["headers"], place)[0]} if "headers" in message else message
    return patch(result, own)


FORMATS = jsonschema.FormatChecker(["date-time", "date", "time", "uuid", "ipv4", "ipv6"])
REGISTRY = Registry(retrieve=lambda uri: DRAFT7.create_resource(load(uri)))
DRAFTS = {
    "draft-04": jsonschema.Draft4Validator,
    "draft-06": jsonschema.Draft6Validator,
    "2019-09": jsonschema.Draft201909Validator,
    "2020-12": jsonschema.Draft202012Validator,
}


def schema_of(node, place):
    """A payload's or headers' schema and who judges it; nobody does if it is in another language."""
    node, place = deref(node, place)
    judge = jsonschema.Draft7Validator
    if isinstance(node, dict) and "schema" in node and isinstance(node.get("schemaFormat"), str):
        language = node["schemaFormat"]
        if "schema+json" not in language and "schema+yaml" not in language and "aai.asyncapi" not in language:
            return node, place, None
        judge = next((judge for draft, judge in DRAFTS.items() if draft in language), judge)
        node, place = deref(node["schema"], place + "/schema")
    return node, place, judge


def verdict(judge, schema, value):
    """`valid`, `invalid` or `format` (invalid only if formats are checked), and why."""
    error = next(judge(schema, registry=REGISTRY).iter_errors(value), None)
    if error is not None:
        return "invalid", f"{error.json_path}: {error.message[:200]}"
    error = next(judge(schema, registry=REGISTRY, format_checker=FORMATS).iter_errors(value), None)
    if error is not None:
        return "format", f"{error.json_path}: {error.message[:200]}"
    return "valid", ""


def undeclared(judge, schemas, value, pointer="", named=False):
    """Members that the schemas which apply to a value allow only by not speaking of them.

    Where they speak of none it is a map, which has all; unless it is `named` what there is.
    """
    applied, queue, steps = [], list(schemas), 0
    while queue and steps < 1000:
        steps += 1
        schema, _ = deref(queue.pop(), "")
        if not isinstance(schema, dict):
            continue
        applied.append(schema)
        queue += schema.get("allOf") or []
        for branch in (schema.get("oneOf") or []) + (schema.get("anyOf") or []):
            if judge(branch, registry=REGISTRY).is_valid(value):
                queue.append(branch)
        if "if" in schema:
            fits = judge(schema["if"], registry=REGISTRY).is_valid(value)
            queue += [schema["if"]] * fits + [schema.get("then" if fits else "else", True)]
    if isinstance(value, list):
        for index, item in enumerate(value):
            inner = []
            for schema in applied:
                items = schema.get("prefixItems", schema.get("items"))
                rest = schema.get("items" if "prefixItems" in schema else "additionalItems")
                inner.append(items[index] if isinstance(items, list) and index < len(items) else rest if isinstance(items, list) else items)
            yield from undeclared(judge, inner, item, f"{pointer}/{index}")
    if isinstance(value, dict) and (named or any("properties" in schema for schema in applied)):
        for key, item in value.items():
            inner = []
            for schema in applied:
                own = [schema["properties"][key]] if key in (schema.get("properties") or {}) else []
                own += [s for p, s in (schema.get("patternProperties") or {}).items() if re.search(p, key)]
                if not own and "additionalProperties" in schema:
                    own = [schema["additionalProperties"]]
                inner += own
            if inner:
                yield from undeclared(judge, inner, item, f"{pointer}/{escape(key)}")
            else:
                yield f"{pointer}/{escape(key)}"


def examples(index, folder):
    for line in Path(index).read_text(encoding="utf-8").splitlines()[1:]:
        document = line.split("\t")[0]
        uri = (Path(folder).resolve() / document).as_uri()
        for place, (message, names) in messages(uri).items():
            message = merged(message, place)
            found = []
            for part in ("payload", "headers"):
                for at, example in enumerate(message.get("examples") or []):
                    if isinstance(example, dict) and part in example:
                        found.append((part, f"{place}/examples/{at}/{part}", example[part]))
                try:
                    schema, schema_place, _ = schema_of(message.get(part), f"{place}/{part}")
                except (LookupError, OSError, ValueError):
                    continue
                if isinstance(schema, dict) and isinstance(schema.get("examples"), list):
                    for at, example in enumerate(schema["examples"]):
                        found.append((part, f"{schema_place}/examples/{at}", example))
            for part, at, value in found:
                result = {
                    "document": document,
                    "place": at.removeprefix(Path(folder).resolve().as_uri() + "/"),
                    "names": names,
                    "part": part,
                    "value": value,
                    "undeclared": [],
                    "content_type": message.get("contentType"),
                }
                try:
                    schema, _, judge = schema_of(message.get(part, True), place)
                    if judge is None:
                        result["verdict"], result["why"] = "foreign", "not JSON Schema"
                    else:
                        result["verdict"], result["why"] = verdict(judge, schema, value)
                        result["undeclared"] = list(undeclared(judge, [schema], value, named=part == "headers"))
                # Whatever keeps the judge from judging, such as a pattern that Python cannot read.
                except Exception as error:
                    result["verdict"], result["why"] = "unjudged", f"{type(error).__name__}: {str(error)[:200]}"
                print(json.dumps(result))


def without(value, pointers, pointer=""):
    if isinstance(value, dict):
        inner = ((key, f"{pointer}/{escape(key)}") for key in value)
        return {key: without(value[key], pointers, at) for key, at in inner if at not in pointers}
    if isinstance(value, list):
        return [without(item, pointers, f"{pointer}/{at}") for at, item in enumerate(value)]
    return value


def differences(before, after, pointer=""):
    """The places at which two values differ, and how."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            at = f"{pointer}/{escape(key)}"
            if key not in after:
                yield f"{at} is gone"
            elif key not in before:
                yield f"{at} is new"
            else:
                yield from differences(before[key], after[key], at)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after)):
            yield from differences(one, other, f"{pointer}/{index}")
    elif isinstance(before, bool) or isinstance(after, bool) or before != after:
        if before is not after:
            yield f"{pointer} was {str(before)[:60]!r} and is {str(after)[:60]!r}"


def compare(before, after):
    """What became of each example: `same`, `dropped` (what its schema does not declare) or else."""

    def lines(file):
        # Numbers are compared as they are written, whatever a float could hold of them.
        return [json.loads(line, parse_float=Decimal) for line in Path(file).read_text().splitlines()]

    examples = lines(before)
    for result in lines(after):
        number = result["id"]
        example = examples[number]
        if "refused" in result:
            outcome, why = "refused", result["refused"]
        else:
            now = json.loads(result["written"], parse_float=Decimal)
            # Text that shows something else says how that is written.
            if isinstance(now, str) and not isinstance(example["value"], str):
                now = json.loads(now, parse_float=Decimal)
            rest = without(example["value"], set(example["undeclared"]))
            changes = list(differences(example["value"], now))
            if not changes:
                outcome, why = "same", ""
            elif not list(differences(rest, now)):
                outcome, why = "dropped", ", ".join(example["undeclared"])
            else:
                outcome, why = "changed", ", ".join(differences(rest, now))
        print(json.dumps({"id": number, "outcome": outcome, "why": why}))


if __name__ == "__main__":
    {"examples": examples, "compare": compare}[sys.argv[1]](*sys.argv[2:])
