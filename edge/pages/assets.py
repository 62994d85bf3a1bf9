"""The files that the pages refer to: style, scripts and pictures."""

from pathlib import Path

from edge.pages.representation import Representation, represent

ASSET_DIRECTORY = Path(__file__).parent / "assets"

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",  # RFC 9239
    ".svg": "image/svg+xml",
}


def load_assets(directory: Path = ASSET_DIRECTORY) -> dict[str, Representation]:
    """Return every asset by its file name.

    Files are held in memory, so that no request can ever name a path on the disk.
    """
    return {
        path.name: represent(path.read_bytes(), _MEDIA_TYPES[path.suffix])
        for path in sorted(directory.iterdir())
        if path.suffix in _MEDIA_TYPES
    }
