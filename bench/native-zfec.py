"""Times the zfec package. Reads a number of decodes a line, and writes how many seconds they took."""

import os
import sys
import time

import zfec

K, N, SEGMENT = 3, 10, 131073

primaries = [os.urandom(SEGMENT // K) for _ in range(K)]
numbers = [3, 4, 5]
blocks = zfec.Encoder(K, N).encode(primaries, numbers)
decoder = zfec.Decoder(K, N)
assert [bytes(block) for block in decoder.decode(blocks, numbers)] == primaries

for line in sys.stdin:
    count = int(line)
    began = time.perf_counter()
    for _ in range(count):
        decoder.decode(blocks, numbers)
    print(time.perf_counter() - began, flush=True)
