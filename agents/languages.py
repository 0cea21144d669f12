"""Language tags (BCP 47) as the engines know them."""

from __future__ import annotations

DEFAULT_VOICES = {"pt": "pf_dora", "es": "ef_dora", "en": "af_heart"}
ESPEAK_VOICES = {"pt": "pt-br", "es": "es-419", "en": "en-us"}


def base(tag: str) -> str:
    """``pt-BR`` -> ``pt``. An empty tag is Brazilian Portuguese, the product's own language."""
    return (tag or "pt-BR").replace("_", "-").split("-")[0].lower()
