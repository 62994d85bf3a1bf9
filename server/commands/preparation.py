"""Remembers that the embedded database has been prepared, so that the next start is faster."""

import hashlib
from importlib.util import find_spec
from pathlib import Path


class Preparation:
    """Which revisions the cluster in `directory` was last brought to.

    The note lies inside the cluster, and so is lost, copied and restored with it.
    """

    def __init__(self, directory: Path) -> None:
        self._note = directory / "limen.prepared"

    def is_known(self) -> bool:
        """Whether this very version of limen has served from this cluster before."""
        try:
            return self._note.read_text() == _revisions()
        except FileNotFoundError:
            return False

    def remember(self) -> None:
        """Notes that this version serves from it."""
        self._note.write_text(_revisions())


def _revisions() -> str:
    """A digest of all revisions of the schema."""
    spec = find_spec("migrations")
    digest = hashlib.sha256()
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for revision in sorted(Path(folder).glob("versions/*.py")):
            digest.update(revision.read_bytes())
    return digest.hexdigest()
