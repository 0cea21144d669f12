"""Customers: who is calling, what is known of them, and the tables a flow may read and write.

phones.py    one spelling for a telephone number, and all the spellings it may have been stored under
contacts.py  find, create, merge what is known of a person
tables.py    which tables and columns the dialect may name, and how a value becomes a column's
records.py   FIND, CREATE, UPDATE, DELETE on them, every value bound
shapes.py    what clients see
"""

from .contacts import Contacts, contact_by_phone, upsert_contact
from .phones import normalise_phone, phone_spellings
from .records import Records, Where
from .shapes import plain, public_contact, public_record

__all__ = [
    "Contacts",
    "Records",
    "Where",
    "contact_by_phone",
    "normalise_phone",
    "phone_spellings",
    "plain",
    "public_contact",
    "public_record",
    "upsert_contact",
]
