"""The control plane: everything about people, conversations and queues. It carries no media.

Ground, low to high (each may import what stands before it, and ``config``)::

    errors.py   one tree of errors; each knows its code, its blame and whether to retry
    events.py   what is told: types, payloads, how they are stored and replayed
    db/         PostgreSQL: pool, transactions, migrations, the embedded server (asyncpg is named only there)
    bus.py      delivery inside the process after commit, woken by LISTEN/NOTIFY for replicas
    auth/       users, sign-in, who may do what
    ports.py    what the doors ask of each other, as protocols

Domains, low to high: ``crm ← conversations ← tickets ← queues``. They run and are tested without a telephone.
Doors: ``telephony/``, ``http/``, ``hub/``. They import domains, never each other; ``app.py`` puts them together.
"""
