"""Agents: everything that listens, talks and decides what to say next. Importing this loads nothing heavy.

    ports      what an agent needs from outside (speech), as protocols
    events     what a voice tells while a call lasts: speech started, partial, final, interrupted
    errors     the error tree
    stt  tts   speech to text and text to speech, by traits; one provider a file
    vad        is this window speech: a light gate and a model
    turns      when speech starts, when a turn ends, what interrupts: strategies without I/O
    speech     the speech service (its own process, models loaded once) and its client
    pipeline   Voice: the bot's end of a call; Transcriber: one speaker of a human call
    dialect    the flow language: a generator of effects
    ivr        menus

Imports go ``pipeline -> {vad, turns, speech.client}``, ``speech.process -> {stt, tts}``; ``dialect`` knows no audio.
"""
