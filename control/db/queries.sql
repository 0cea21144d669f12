-- name: append_events
-- The counter row is locked from here to COMMIT: numbers follow commit order and have no gaps (a rollback takes
-- them back). The notification goes out with the commit, or not at all.
WITH counter AS (
    INSERT INTO counters (organisation_id, name, value) VALUES (:organisation_id::uuid, 'event', :count::int)
    ON CONFLICT (organisation_id, name) DO UPDATE SET value = counters.value + excluded.value
    RETURNING value
), told AS (
    INSERT INTO events (organisation_id, seq, at, type, audience, data)
    SELECT :organisation_id::uuid, counter.value - :count::int + e.place, clock_timestamp(), e.type, e.audience, e.body::jsonb
      FROM counter, unnest(:types::text[], :audiences::uuid[], :bodies::text[])
                    WITH ORDINALITY AS e (type, audience, body, place)
    RETURNING seq, at
), woken AS (
    SELECT pg_notify(:channel::text, (:organisation_id::uuid)::text || ':' || counter.value::text) FROM counter
)
SELECT told.seq, told.at FROM told, woken ORDER BY told.seq;

-- name: events_since
SELECT seq, at, type, audience, data FROM events
 WHERE organisation_id = :organisation_id::uuid AND seq > :seq
   AND (:user_id::uuid IS NULL OR audience IS NULL OR audience = :user_id::uuid)
 ORDER BY seq LIMIT :limit;

-- name: first_and_last
-- first: the oldest number still in the log (NULL when it is empty); last: the newest ever given.
SELECT (SELECT min(seq) FROM events WHERE organisation_id = :organisation_id::uuid) AS first,
       coalesce((SELECT value FROM counters WHERE organisation_id = :organisation_id::uuid AND name = 'event'), 0) AS last;

-- name: all_counters
SELECT organisation_id, value FROM counters WHERE name = 'event';

-- name: trim_events
DELETE FROM events WHERE at < now() - make_interval(secs => :older_than_s);
