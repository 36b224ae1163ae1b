"""Writes zfec-vectors.json: blocks as the PyPI package zfec makes them.

    pip install zfec==1.6.0.0 && python make-vectors.py

Every case has the k primary blocks and all N-k others, each as hex of one string, block after block.
"""

import json
import pathlib
import random

import zfec

CASES = [
    (1, 1, 8),
    (1, 2, 8),
    (2, 2, 8),
    (2, 3, 8),
    (3, 10, 40),
    (7, 20, 5),
    (16, 64, 4),
    (1, 256, 2),
    (128, 256, 4),
    (255, 256, 4),
    (256, 256, 2),
]


def make_case(rng, k, n, length):
    primaries = [rng.randbytes(length) for _ in range(k)]
    blocks = [bytes(block) for block in zfec.Encoder(k, n).encode(primaries)]
    assert blocks[:k] == primaries
    others = blocks[k:]
    return {"needed": k, "total": n, "primaries": b"".join(primaries).hex(), "others": b"".join(others).hex()}


def main():
    rng = random.Random(285)
    cases = [make_case(rng, *case) for case in CASES]
    pathlib.Path(__file__).with_name("zfec-vectors.json").write_text(json.dumps(cases, indent=2) + "\n")


main()
