"""Puts a manifest into a module, for compilers that cannot: python3 manifest.py plugin.wasm plugin.json > whole.wasm"""

import sys


def leb128(number):
    """An unsigned number as WebAssembly writes it."""
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


module, manifest = (open(path, "rb").read() for path in sys.argv[1:3])
name = b"tenure_manifest"
content = leb128(len(name)) + name + manifest
sys.stdout.buffer.write(module + b"\0" + leb128(len(content)) + content)
