"""What limen says to people, in their language.

Owns the words for every refusal: the title and sentence of each error reason (`reasons`), the
sentence for each fault of a field (`violations`), and the choice of a language (`negotiation`).
`catalogue` reads the translations, which are gettext catalogues under `locale/`, for any domain.
The core and the edge both speak through this package, so it imports neither of them.

English is the source: it stands in the code and needs no catalogue. After changing a sentence,
`python -m limen.messages.extraction --update` brings the catalogues in line.
"""

from limen.messages.catalogue import LANGUAGES, Catalogue
from limen.messages.negotiation import negotiate
from limen.messages.reasons import reason, title
from limen.messages.violations import violation

__all__ = ["LANGUAGES", "Catalogue", "negotiate", "reason", "title", "violation"]
