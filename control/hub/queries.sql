-- name: came
INSERT INTO hub_presence (organisation_id, user_id, hub_id) VALUES (:organisation_id, :user_id, :hub_id)
ON CONFLICT (user_id, hub_id) DO UPDATE SET seen_at = now();

-- name: take_status_before
-- What the attendant was before we made them offline, once; nothing if somebody has set another status since.
WITH was AS (
    SELECT h.hub_id, h.status_before FROM hub_presence h
     WHERE h.user_id = :user_id AND h.status_before IS NOT NULL FOR UPDATE
), taken AS (
    UPDATE hub_presence h SET status_before = NULL FROM was WHERE h.user_id = :user_id AND h.hub_id = was.hub_id
    RETURNING was.status_before
)
SELECT taken.status_before FROM taken
 WHERE EXISTS (SELECT 1 FROM presence WHERE user_id = :user_id AND status = 'offline') LIMIT 1;

-- name: is_here
SELECT EXISTS (SELECT 1 FROM hub_presence WHERE user_id = :user_id AND status_before IS NULL
                  AND seen_at >= now() - make_interval(secs => :grace_s));

-- name: touch
UPDATE hub_presence SET seen_at = now() WHERE hub_id = :hub_id AND user_id = ANY (:user_ids::uuid[]);

-- name: gone
-- Attendants none of whose rows was touched within the grace. A second replica that looks at once finds them locked.
SELECT h.user_id, h.organisation_id, h.hub_id, u.attendant_code, u.name, u.role,
       coalesce(p.status, 'offline') AS status
  FROM hub_presence h
  JOIN users u ON u.id = h.user_id
  LEFT JOIN presence p ON p.user_id = h.user_id
 WHERE h.seen_at < now() - make_interval(secs => :grace_s) AND h.status_before IS NULL
   AND NOT EXISTS (SELECT 1 FROM hub_presence x
                    WHERE x.user_id = h.user_id AND x.seen_at >= now() - make_interval(secs => :grace_s))
   FOR UPDATE OF h SKIP LOCKED;

-- name: mark_gone
-- Keeps one row with what the attendant was; nothing when they came back meanwhile.
UPDATE hub_presence SET status_before = :status, seen_at = now()
 WHERE user_id = :user_id AND hub_id = :hub_id AND status_before IS NULL;

-- name: forget_gone
DELETE FROM hub_presence WHERE user_id = :user_id AND hub_id = :hub_id;

-- name: forget_old
DELETE FROM hub_presence WHERE seen_at < now() - interval '12 hours';
