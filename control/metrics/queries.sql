-- name: centre
-- The contact centre right now, by organisation.
SELECT o.id AS organisation_id,
       (SELECT count(*) FROM conversations c WHERE c.organisation_id = o.id AND c.status = 'waiting') AS waiting,
       (SELECT coalesce(extract(epoch FROM now() - min(c.waiting_since)), 0)::float8 FROM conversations c
         WHERE c.organisation_id = o.id AND c.status = 'waiting') AS longest_wait_s,
       (SELECT count(*) FROM conversations c
         WHERE c.organisation_id = o.id AND c.status IN ('assigned', 'active', 'pending')) AS in_hands,
       (SELECT count(*) FROM calls c WHERE c.organisation_id = o.id AND c.state <> 'ended') AS calls,
       (SELECT count(*) FROM offers f WHERE f.organisation_id = o.id AND f.settled_at IS NULL) AS offers,
       (SELECT count(*) FROM presence p WHERE p.organisation_id = o.id AND p.status = 'online') AS online
  FROM organisations o;
