# Validates JSON documents, a line of a file each, against a draft-07 schema: "ok", or where and what is wrong.
#   python3 json_schema.py schema.json documents.ndjson
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for line in open(sys.argv[2], encoding="utf-8"):
    errors = sorted(validator.iter_errors(json.loads(line)), key=lambda error: list(map(str, error.path)))
    print("ok" if not errors else "; ".join("/".join(map(str, e.path)) + ": " + e.message[:80] for e in errors))
