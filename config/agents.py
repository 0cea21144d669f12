"""Settings of the voice agents: speech service, voice pipeline, dialect."""

from __future__ import annotations

from pydantic import Field

from .section import Secret, Section


class SpeechSettings(Section):
    """The speech service (the design document's BotModels, S8, S10)."""

    url: str = ""  # botmodels-url; empty: the embedded service
    api_key: Secret = Secret("")  # botmodels-api-key; empty with an empty url: made on first start
    bind_ip: str = "127.0.0.1"
    port: int = Field(5000, ge=0, le=65535)
    stt_model: str = ""  # path or name of a ctranslate2 whisper model; empty: the one installed from PyPI
    stt_workers: int = Field(2, ge=1)
    tts_voice: str = "pf_dora"  # a Kokoro voice, or the path of a Piper voice (.onnx)
    tts_threads: int = Field(2, ge=1)  # cores one sentence may use
    language: str = "pt-BR"
    max_waiting: int = Field(64, ge=1)  # requests queued per kind; beyond it 503


class VoiceSettings(Section):
    """Turn taking in a voice session."""

    speculate_silence_ms: int = Field(96, ge=32)  # silence after which recognition starts on approval
    commit_silence_ms: int = Field(512, ge=64)  # usual silence that ends a turn; what was said varies it
    max_turn_s: float = Field(28.0, gt=0, le=29.0)  # speech without a pause is cut here
    barge_in_ms: int = Field(200, ge=0)  # speech that interrupts a prompt
    partial_every_s: float = Field(1.5, ge=0)  # text of a turn that goes on is renewed this often; 0: never


class DialectSettings(Section):
    """Limits of a flow (contracts, section 2A)."""

    loop_max_iterations: int = Field(100_000, ge=1)
    script_max_bytes: int = Field(1_048_576, ge=1)
    hear_timeout_s: float = Field(8.0, gt=0)  # silence after which a voice HEAR counts as unanswered
    wait_max_s: float = Field(300.0, gt=0)
    flows_dir: str = ""  # folder of .bas files; empty: the shipped ones


class TranscriptionSettings(Section):
    """Live transcript of what people say to each other (S36)."""

    enabled: bool = True  # livekit-transcription-enabled
    language: str = "pt-BR"  # transcription-language


class BotSettings(Section):
    """Who the bot is."""

    system_prompt: str = ""  # bot-system-prompt
    description: str = ""  # bot-description
    variables: dict[str, str] = {}  # param-NAME of config.csv: a variable NAME in every flow


class AgentsSettings(Section):
    speech: SpeechSettings = SpeechSettings()
    voice: VoiceSettings = VoiceSettings()
    dialect: DialectSettings = DialectSettings()
    transcription: TranscriptionSettings = TranscriptionSettings()
    bot: BotSettings = BotSettings()
