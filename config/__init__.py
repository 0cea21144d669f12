"""Settings of the whole product, as frozen values.

    section.py   the base of every section; secrets that never print
    media.py sip.py agents.py control.py channels.py logs.py   one section a subsystem
    config_csv.py  the ``config.csv`` format and which key of it sets what (S10 … S68)
    load.py      the only reader of the environment and of configuration files; ``Settings``, the whole
    example.py   writes ``example.yaml`` from the sections

Nothing here imports the product; importing this package loads none of the above.
"""
