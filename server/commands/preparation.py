"""Remembers that the embedded database has been prepared, so that the next start is faster."""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path


class Preparation:
    """Which revisions the cluster in `directory` was last brought to, and by which `steps`.

    The note lies inside the cluster, and so is lost, copied and restored with it.
    """

    def __init__(self, directory: Path, *, steps: Sequence[str]) -> None:
        self._note = directory / "limen.prepared"
        self._steps = steps

    def is_known(self) -> bool:
        """Whether this very version of limen has served from this cluster before."""
        try:
            return self._note.read_text() == self._state()
        except FileNotFoundError:
            return False

    def remember(self) -> None:
        """Notes that this version serves from it."""
        self._note.write_text(self._state())

    def _state(self) -> str:
        """A digest of the steps and of all revisions of the schema."""
        digest = hashlib.sha256("\n".join(self._steps).encode())
        spec = find_spec("migrations")
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for revision in sorted(Path(folder).glob("versions/*.py")):
                digest.update(revision.read_bytes())
        return digest.hexdigest()
