-- name: contact
SELECT * FROM crm_contacts WHERE organisation_id = :organisation_id AND id = :id;

-- name: contact_by_phone
-- The first spelling is the one the number has; the others are how it may have been stored.
SELECT * FROM crm_contacts WHERE organisation_id = :organisation_id AND phone = ANY(:phones::text[])
 ORDER BY array_position(:phones::text[], phone) LIMIT 1;

-- name: next_number
INSERT INTO counters (organisation_id, name, value) VALUES (:organisation_id, :name, 1)
ON CONFLICT (organisation_id, name) DO UPDATE SET value = counters.value + 1
RETURNING value;

-- name: insert_contact
-- Loses to whoever inserted the same number a moment ago: the caller then reads theirs.
INSERT INTO crm_contacts (organisation_id, customer_id, name, first_name, last_name, email, phone, source,
                          customer_since)
VALUES (:organisation_id, :customer_id, :name, :first_name, :last_name, :email, :phone, :source, current_date)
ON CONFLICT (organisation_id, phone) WHERE phone IS NOT NULL DO NOTHING
RETURNING *;

-- name: learn_contact
-- What is new fills what was empty; nothing that somebody wrote is overwritten.
UPDATE crm_contacts
   SET name = coalesce(name, :name), first_name = coalesce(first_name, :first_name),
       last_name = coalesce(last_name, :last_name), email = coalesce(email, :email), updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: touch_contact
UPDATE crm_contacts SET last_contact = now() WHERE organisation_id = :organisation_id AND id = :id;

-- name: search_contacts
SELECT * FROM crm_contacts
 WHERE organisation_id = :organisation_id
   AND (:text::text IS NULL OR name ILIKE '%' || :text || '%' OR email ILIKE '%' || :text || '%'
        OR phone LIKE '%' || :text || '%')
 ORDER BY name NULLS LAST, created_at LIMIT :limit;

-- name: memory
SELECT value FROM memories
 WHERE organisation_id = :organisation_id AND scope = :scope AND owner = :owner AND key = :key;

-- name: remember
INSERT INTO memories (organisation_id, scope, owner, key, value)
VALUES (:organisation_id, :scope, :owner, :key, :value)
ON CONFLICT (organisation_id, scope, owner, key) DO UPDATE SET value = excluded.value, updated_at = now();
