"""Argon2id (RFC 9106) in memory that is kept from hash to hash.

The library takes fresh memory for each hash, in small pages that lie where they fall. One block for
each thread, in huge pages where the system has them, spares a hash a tenth of its time: Argon2
jumps about in all of its memory, and most jumps would first have to look up the page.
"""

import base64
import hmac
import mmap
import secrets
import threading
from typing import Any, Literal

import argon2
from argon2.exceptions import HashingError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION, Type, core, error_to_str, ffi

_HUGE_PAGE = 2 * 1024 * 1024
_VERIFY_MISMATCH = "The password does not match the supplied hash"


class KeptMemoryHasher(argon2.PasswordHasher):
    """Makes and verifies what `argon2.PasswordHasher` does, of type Argon2id alone.

    Each thread that hashes keeps `memory_cost` KiB until it ends. Hashes that this one would have
    written otherwise, such as those with other parameters, are left to the library.
    """

    def __init__(
        self, *, time_cost: int, memory_cost: int, parallelism: int, hash_len: int, salt_len: int
    ) -> None:
        super().__init__(time_cost, memory_cost, parallelism, hash_len, salt_len, type=Type.ID)
        cost = f"m={memory_cost},t={time_cost},p={parallelism}"
        self._prefix = f"$argon2id$v={ARGON2_VERSION}${cost}$"
        self._own = threading.local()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """The encoded hash of a password, with a fresh salt unless one is given.

        Raises:
            argon2.exceptions.HashingError: There is no memory, or no thread, to be had.
        """
        salt = salt or secrets.token_bytes(self.salt_len)
        return self._encode(salt, self._tag(password, salt))

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - as the library names it
        """Compares a password with a hash. Raises what `argon2.PasswordHasher` raises."""
        encoded = hash if isinstance(hash, str) else hash.decode("ascii")
        parts = self._decode(encoded)
        if parts is None:
            return super().verify(hash, password)
        salt, tag = parts
        if not hmac.compare_digest(self._tag(password, salt), tag):
            raise VerifyMismatchError(_VERIFY_MISMATCH)
        return True

    def _encode(self, salt: bytes, tag: bytes) -> str:
        return f"{self._prefix}{_base64(salt)}${_base64(tag)}"

    def _decode(self, encoded: str) -> tuple[bytes, bytes] | None:
        """Salt and tag of a hash; None unless it is written exactly as `hash` writes them."""
        try:
            parts = encoded.removeprefix(self._prefix).split("$")
            salt, tag = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        except ValueError:
            return None
        ours = len(tag) == self.hash_len and self._encode(salt, tag) == encoded
        return (salt, tag) if ours else None

    def _tag(self, password: str | bytes, salt: bytes) -> bytes:
        block: _Block | None = getattr(self._own, "block", None)
        if block is None:
            block = self._own.block = _Block(self.memory_cost * 1024)
        secret = password.encode() if isinstance(password, str) else password
        out = ffi.new("uint8_t[]", self.hash_len)
        # What the structure points to lives as long as these names do.
        pwd, salt_ = ffi.new("uint8_t[]", secret), ffi.new("uint8_t[]", salt)
        context = ffi.new(
            "argon2_context *",
            {
                "version": ARGON2_VERSION,
                "out": out,
                "outlen": self.hash_len,
                "pwd": pwd,
                "pwdlen": len(secret),
                "salt": salt_,
                "saltlen": len(salt),
                "t_cost": self.time_cost,
                "m_cost": self.memory_cost,
                "lanes": self.parallelism,
                "threads": self.parallelism,
                "allocate_cbk": block.lend,
                "free_cbk": block.take_back,
            },
        )
        code = core(context, Type.ID.value)
        if code:
            raise HashingError(error_to_str(code))
        return bytes(ffi.buffer(out))


class _Block:
    """The memory of one thread, with the two functions by which the library asks for it.

    The library wipes it after each hash, as it does with its own.
    """

    def __init__(self, size: int) -> None:
        memory = mmap.mmap(-1, -(-size // _HUGE_PAGE) * _HUGE_PAGE)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            memory.madvise(mmap.MADV_HUGEPAGE)
        start = ffi.cast("uint8_t *", ffi.from_buffer(memory))

        @ffi.callback("int (uint8_t **, size_t)")  # type: ignore[untyped-decorator] # cffi has no types
        def lend(place: Any, wanted: int) -> int:
            place[0] = start if wanted <= size else ffi.NULL
            return 0

        @ffi.callback("void (uint8_t *, size_t)")  # type: ignore[untyped-decorator] # cffi has no types
        def take_back(_place: Any, _size: int) -> None:
            pass

        self.lend, self.take_back, self._memory = lend, take_back, memory


def _base64(data: bytes) -> str:
    """Without padding, as the encoded form has it."""
    return base64.b64encode(data).rstrip(b"=").decode()
