"""Decompression of an answer's body in bounded steps: never more comes out than was asked for, whatever went in."""

import zlib


class UnknownEncoding(ValueError):
    """The body is encoded in a way that was not asked for, or is not what it says."""


class Inflater:
    """Decodes one body of Content-Encoding gzip, deflate or none."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise UnknownEncoding(f"is encoded as {name[:40]!r}, which was not asked for")
        self._inflate = zlib.decompressobj(wbits=47) if name not in ("", "identity") else None
        self._may_be_raw = name == "deflate"
        self._begun = False

    @property
    def whole(self) -> bool:
        """Whether what has been fed is a whole body, so far as the encoding can tell. An empty body is."""
        return self._inflate is None or self._inflate.eof or not self._begun

    def feed(self, chunk: bytes, most: int) -> bytes:
        """At most `most` bytes decoded from the next chunk; what exceeds them is dropped."""
        if self._inflate is None:
            return chunk[:most]
        try:
            found = self._inflate.decompress(chunk, most)
        except zlib.error:
            found = self._restart(chunk, most)
        self._begun = True
        return found

    def _restart(self, chunk: bytes, most: int) -> bytes:
        """Some servers send bare deflate where the standard says zlib; it shows at the first bytes."""
        if self._begun or not self._may_be_raw:
            raise UnknownEncoding("is not compressed in the way that it says")
        self._inflate = zlib.decompressobj(wbits=-15)
        try:
            return self._inflate.decompress(chunk, most)
        except zlib.error:
            raise UnknownEncoding("is not compressed in the way that it says") from None
