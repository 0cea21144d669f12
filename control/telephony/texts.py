"""What the product itself says to a caller, outside of any flow (D11: pt-BR first, English beside it)."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "pt-BR": {
        "apology": "Desculpe, estamos com um problema técnico. Vou transferir você para um atendente.",
        "moment": "Um momento, por favor.",
        "position_first": "Você é o próximo da fila.",
        "position": "Você é o número {position} da fila.",
        "wait": "O tempo de espera é de cerca de {minutes} minutos.",
        "nobody": "No momento nenhum atendente está disponível.",
        "callback_offer": "Se preferir que a gente ligue de volta, digite um.",
        "callback_taken": "Combinado. Vamos ligar de volta para você. Até logo!",
        "overflow": "Ninguém pôde atender você agora. Vamos ligar de volta assim que possível. Até logo!",
        "attendant_away": "Um momento, o atendente já volta.",
        "goodbye": "Obrigado por ligar. Até logo!",
    },
    "en": {
        "apology": "Sorry, we have a technical problem. I will transfer you to an attendant.",
        "moment": "One moment, please.",
        "position_first": "You are next in line.",
        "position": "You are number {position} in line.",
        "wait": "The expected wait is about {minutes} minutes.",
        "nobody": "No attendant is available right now.",
        "callback_offer": "If you would rather have us call you back, press one.",
        "callback_taken": "All right. We will call you back. Goodbye!",
        "overflow": "Nobody could take your call now. We will call you back as soon as possible. Goodbye!",
        "attendant_away": "One moment, the attendant will be right back.",
        "goodbye": "Thank you for calling. Goodbye!",
    },
}

# Kept as audio files, so that they can be heard when the speech service is what failed.
EMERGENCY: Final = ("apology", "moment")


def text(language: str, key: str, **values: object) -> str:
    """The sentence *key* in *language*, or in pt-BR where the language has no catalogue."""
    return TEXTS.get(language, TEXTS["pt-BR"])[key].format(**values)


def fixed(language: str) -> tuple[str, ...]:
    """Every sentence without values, to be rendered ahead; the first few positions with them."""
    catalogue = TEXTS.get(language, TEXTS["pt-BR"])
    constant = [sentence for sentence in catalogue.values() if "{" not in sentence]
    return (*constant, *(text(language, "position", position=number) for number in range(2, 6)))
