"""EXIF: the orientation and nothing else; Pillow's parser copies every entry, also of those that overlap."""

from __future__ import annotations

import struct

PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_SHORT = 3  # the type of a 16-bit number
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ENTRIES = 1000  # looked at; an IFD that a camera writes has some twenty


def orientation(block: bytes) -> int:
    """Return the orientation, 1 to 8, of an EXIF block (a TIFF header and its first IFD); 1 if it has none.

    Parameters
    ----------
    block
        Begins with the TIFF header, or with ``Exif`` and two zeros before it.
    """
    tiff = block.removeprefix(PREFIX)
    order = _ORDERS.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    last = min(count, _ENTRIES, (len(tiff) - start - 2) // 12)
    for number in range(last):
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * number)
        if tag == _ORIENTATION:
            return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else 1
    return 1


def block(value: int) -> bytes:
    """Return the EXIF block that states an orientation only."""
    return struct.pack("<4sIHHHIHHI", b"II*\0", 8, 1, _ORIENTATION, _SHORT, 1, value, 0, 0)
