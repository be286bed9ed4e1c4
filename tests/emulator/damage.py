"""Ways in which the result of a job may arrive spoilt, each a function of the text that is sent.

Results are JSON: `data` holds for each circuit `results`, register -> a compressed tensor.
"""

import base64
import json


def _changed(change):
    def damage(text):
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return damage


def _registers(document):
    return document["data"][0]["results"]


def _missing_register(document):
    _registers(document).popitem()


def _other_name(document):
    name, tensor = _registers(document).popitem()
    _registers(document)[name + "_"] = tensor


def _one_shot_short(document):
    # The axis of shots is the last but one; the data stays as long as it was.
    for tensor in _registers(document).values():
        tensor["shape"][-2] -= 1


def _one_circuit_short(document):
    document["data"].pop()


def _bad_compression(document):
    for tensor in _registers(document).values():
        (name,) = [
            key for key, value in tensor.items() if isinstance(value, str) and len(value) > 16
        ]
        data = bytearray(base64.b64decode(tensor[name]))
        data[len(data) // 2 :] = b"\0" * len(data[len(data) // 2 :])
        tensor[name] = base64.b64encode(bytes(data)).decode()


DAMAGES = {
    "missing register": _changed(_missing_register),
    "other register": _changed(_other_name),
    "shots short": _changed(_one_shot_short),
    "circuit short": _changed(_one_circuit_short),
    "compression": _changed(_bad_compression),
    "no data": _changed(lambda document: document.pop("data")),
    "other JSON": lambda text: json.dumps({"message": "hello"}),
    "JSON list": lambda text: "[]",
    "no JSON": lambda text: "0123456789",
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "text": lambda text: "upstream request timeout",
}
