-- name: organisation
SELECT id FROM organisations WHERE name = :name;

-- name: add_organisation
INSERT INTO organisations (name) VALUES (:name) ON CONFLICT (name) DO NOTHING;

-- name: add_bot
INSERT INTO bots (organisation_id, name) VALUES (:organisation_id, :name) ON CONFLICT DO NOTHING;

-- name: add_default_queue
INSERT INTO attendance_queues (organisation_id, name, channels, is_default, max_wait_seconds, max_size)
SELECT :organisation_id::uuid, :name, :channels, true, :max_wait_seconds, :max_size
 WHERE NOT EXISTS (SELECT 1 FROM attendance_queues WHERE organisation_id = :organisation_id::uuid)
ON CONFLICT DO NOTHING;

-- name: add_stage
INSERT INTO crm_pipeline_stages (organisation_id, name, order_index, probability)
VALUES (:organisation_id, :name, :order_index, :probability) ON CONFLICT DO NOTHING;

-- name: active_queues
SELECT id, name, channels, is_default, max_wait_seconds, max_size FROM attendance_queues
 WHERE organisation_id = :organisation_id AND is_active ORDER BY priority_order, created_at;

-- name: queue
SELECT * FROM attendance_queues WHERE organisation_id = :organisation_id AND id = :id;

-- name: queues
SELECT q.*, (SELECT count(*) FROM attendance_queue_members m WHERE m.queue_id = q.id AND m.is_active) AS members,
       (SELECT count(*) FROM conversations c WHERE c.queue_id = q.id AND c.status = 'waiting') AS waiting
  FROM attendance_queues q WHERE q.organisation_id = :organisation_id ORDER BY q.priority_order, q.created_at;

-- name: people
SELECT id, attendant_code, name, aliases, department FROM users
 WHERE organisation_id = :organisation_id AND is_active AND attendant_code IS NOT NULL ORDER BY attendant_code;

-- name: attendant
-- By id or by code (D7).
SELECT id, attendant_code, name FROM users
 WHERE organisation_id = :organisation_id AND is_active AND attendant_code IS NOT NULL
   AND (id::text = :attendant::text OR attendant_code = :attendant::text);

-- name: attendants
SELECT u.id, u.attendant_code, u.name, u.channels, u.preferences, u.department,
       coalesce(p.status, 'offline') AS status, p.since, p.reason,
       (SELECT count(*) FROM conversations c WHERE c.assigned_to = u.id AND c.status IN ('assigned', 'active', 'pending'))
           AS active_conversations,
       h.handled, h.response_s
  FROM users u
  JOIN organisations o ON o.id = u.organisation_id
  LEFT JOIN presence p ON p.user_id = u.id
  LEFT JOIN LATERAL (
       SELECT count(*) AS handled, avg(extract(epoch FROM c.first_response_at - c.accepted_at)) AS response_s
         FROM conversations c
        WHERE c.resolved_by = u.id
          AND c.resolved_at >= date_trunc('day', now() AT TIME ZONE o.timezone) AT TIME ZONE o.timezone) h ON true
 WHERE u.organisation_id = :organisation_id AND u.is_active AND u.attendant_code IS NOT NULL
   AND (:user_id::uuid IS NULL OR u.id = :user_id)
 ORDER BY u.attendant_code;

-- name: presence
SELECT status FROM presence WHERE user_id = :user_id AND organisation_id = :organisation_id;

-- name: lock_presence
INSERT INTO presence (organisation_id, user_id) VALUES (:organisation_id, :user_id)
ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id
RETURNING *;

-- name: lock_presence_if_free
SELECT user_id FROM presence WHERE user_id = :user_id AND status = 'online' FOR UPDATE SKIP LOCKED;

-- name: set_presence
-- The stretch that ends is kept for the reckoning of utilisation (D10).
WITH was AS (
    SELECT status, since FROM presence WHERE organisation_id = :organisation_id AND user_id = :user_id
), logged AS (
    INSERT INTO presence_log (organisation_id, user_id, status, since, until)
    SELECT :organisation_id, :user_id, status, since, now() FROM was
)
UPDATE presence SET status = :status, reason = :reason, since = now()
 WHERE organisation_id = :organisation_id AND user_id = :user_id;

-- name: offered
UPDATE presence SET last_offer_at = now() WHERE organisation_id = :organisation_id AND user_id = :user_id;

-- name: begin_wrap_up
UPDATE presence SET wrap_up_until = now() + make_interval(secs => :wrap_up_s)
 WHERE organisation_id = :organisation_id AND user_id = :user_id;

-- name: candidates
-- Online, in the queue, nothing rings at them, not wrapping up, and not the one who just let this very call pass.
SELECT u.id AS user_id, u.channels, u.preferences, coalesce(m.max_conversations, 5) AS max_conversations,
       coalesce(m.priority, 0) AS priority, p.last_offer_at, load.active, load.voice,
       EXISTS (SELECT 1 FROM offers x WHERE x.conversation_id = :conversation_id AND x.user_id = u.id
                  AND x.settled_at > now() - make_interval(secs => :cool_down_s)) AS just_asked
  FROM presence p
  JOIN users u ON u.id = p.user_id AND u.is_active AND u.attendant_code IS NOT NULL
  LEFT JOIN attendance_queue_members m ON m.queue_id = :queue_id AND m.user_id = u.id AND m.is_active
 CROSS JOIN LATERAL (
       SELECT count(*) AS active, count(*) FILTER (WHERE c.channel = 'voice') AS voice
         FROM conversations c
        WHERE c.assigned_to = u.id AND c.status IN ('assigned', 'active', 'pending')) load
 WHERE p.organisation_id = :organisation_id AND p.status = 'online'
   AND (:user_id::uuid IS NULL OR u.id = :user_id)
   AND (p.wrap_up_until IS NULL OR p.wrap_up_until <= now())
   AND (m.id IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM attendance_queue_members o WHERE o.queue_id = :queue_id AND o.is_active))
   AND NOT EXISTS (SELECT 1 FROM offers l WHERE l.user_id = u.id AND l.settled_at IS NULL);

-- name: figures
-- What a wait is reckoned from: who serves the queue, how many of them are free, how long one turn takes.
SELECT (SELECT count(*) FROM presence p JOIN users u ON u.id = p.user_id AND u.is_active
         WHERE p.organisation_id = :organisation_id AND p.status IN ('online', 'busy') AND u.attendant_code IS NOT NULL
           AND (NOT EXISTS (SELECT 1 FROM attendance_queue_members o WHERE o.queue_id = :queue_id AND o.is_active)
                OR EXISTS (SELECT 1 FROM attendance_queue_members m
                            WHERE m.queue_id = :queue_id AND m.user_id = u.id AND m.is_active))) AS attendants,
       (SELECT avg(extract(epoch FROM resolved_at - accepted_at))
          FROM (SELECT resolved_at, accepted_at FROM conversations
                 WHERE organisation_id = :organisation_id AND queue_id = :queue_id AND resolved_by IS NOT NULL
                   AND accepted_at IS NOT NULL
                 ORDER BY resolved_at DESC LIMIT 20) AS recent) AS mean_handle_s;

-- name: place
SELECT c.queue_id, c.waiting_since, c.channel, q.name AS queue_name, q.max_wait_seconds,
       extract(epoch FROM now() - c.waiting_since) AS waited_s,
       1 + (SELECT count(*) FROM conversations o
             WHERE o.queue_id = c.queue_id AND o.status = 'waiting'
               AND (o.priority > c.priority
                    OR (o.priority = c.priority AND (o.waiting_since, o.id) < (c.waiting_since, c.id)))) AS position
  FROM conversations c JOIN attendance_queues q ON q.id = c.queue_id
 WHERE c.organisation_id = :organisation_id AND c.id = :id AND c.status = 'waiting';

-- name: waiting_in
SELECT count(*) FROM conversations WHERE queue_id = :queue_id AND status = 'waiting';

-- name: enqueue
UPDATE conversations
   SET status = 'waiting', queue_id = :queue_id, assigned_to = NULL, wanted_user = :wanted_user, priority = :priority,
       waiting_since = CASE WHEN :keep_place::boolean THEN coalesce(waiting_since, now()) ELSE now() END,
       enqueued_at = coalesce(enqueued_at, now()), overflowed_at = NULL, assigned_at = NULL,
       accepted_at = NULL, transfer_count = transfer_count + :transferred::int, updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_assigned
UPDATE conversations
   SET status = 'assigned', assigned_to = :user_id, assigned_at = now(), accepted_at = NULL, wanted_user = NULL,
       enqueued_at = coalesce(enqueued_at, now()), waiting_since = coalesce(waiting_since, now()),
       transfer_count = transfer_count + :transferred::int, updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_active
UPDATE conversations
   SET status = 'active', assigned_to = :user_id, assigned_at = coalesce(assigned_at, now()), accepted_at = now(),
       wanted_user = NULL, updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_resolved
UPDATE conversations
   SET status = 'resolved', resolved_at = now(), resolved_by = :user_id, wrap_up_code = :wrap_up_code,
       assigned_to = coalesce(assigned_to, :user_id), updated_at = now(),
       context_data = context_data || '{"needs_human": false, "queue_position": null}'
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_reopened
UPDATE conversations
   SET status = 'active', assigned_to = :user_id, accepted_at = now(), resolved_at = NULL, resolved_by = NULL,
       abandoned_at = NULL, reopen_count = reopen_count + 1, updated_at = now(),
       context_data = context_data || '{"needs_human": true}'
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: offer
SELECT * FROM offers WHERE organisation_id = :organisation_id AND id = :id;

-- name: lock_offer
SELECT *, expires_at <= now() AS late FROM offers WHERE organisation_id = :organisation_id AND id = :id FOR UPDATE;

-- name: make_offer
-- Against another live offer of either side the unique indexes decide.
INSERT INTO offers (organisation_id, conversation_id, user_id, expires_at)
VALUES (:organisation_id, :conversation_id, :user_id, now() + make_interval(secs => :ring_s))
ON CONFLICT DO NOTHING
RETURNING *;

-- name: settle_offer
UPDATE offers SET settled_at = now(), outcome = :outcome
 WHERE organisation_id = :organisation_id AND id = :id AND settled_at IS NULL
RETURNING *;

-- name: live_offers
SELECT o.* FROM offers o
 WHERE o.organisation_id = :organisation_id AND o.user_id = :user_id AND o.settled_at IS NULL AND o.expires_at > now()
 ORDER BY o.created_at;

-- name: withdraw_from
-- Whoever leaves has nothing ringing at them any more.
UPDATE offers SET settled_at = now(), outcome = 'withdrawn'
 WHERE organisation_id = :organisation_id AND user_id = :user_id AND settled_at IS NULL
RETURNING id, conversation_id;

-- name: expired_offers
SELECT * FROM offers WHERE settled_at IS NULL AND expires_at <= now() ORDER BY expires_at LIMIT 50
   FOR UPDATE SKIP LOCKED;

-- name: overflowing
SELECT c.*, extract(epoch FROM now() - c.waiting_since) AS waited_s
  FROM conversations c JOIN attendance_queues q ON q.id = c.queue_id
 WHERE c.status = 'waiting' AND c.overflowed_at IS NULL
   AND c.waiting_since + make_interval(secs => q.max_wait_seconds) <= now()
 ORDER BY c.waiting_since LIMIT 50 FOR UPDATE OF c SKIP LOCKED;

-- name: set_overflowed
UPDATE conversations SET overflowed_at = now() WHERE organisation_id = :organisation_id AND id = :id;

-- name: queues_with_waiting
SELECT DISTINCT c.organisation_id, c.queue_id
  FROM conversations c JOIN attendance_queues q ON q.id = c.queue_id AND q.is_active AND q.auto_assign
 WHERE c.status = 'waiting'
   AND NOT EXISTS (SELECT 1 FROM offers o WHERE o.conversation_id = c.id AND o.settled_at IS NULL);

-- name: one_at_a_time
-- Dispatchers of several replicas take turns in one organisation, so that the order of waiting is the order of offers.
SELECT pg_advisory_xact_lock(hashtextextended((:organisation_id::uuid)::text, 0));

-- name: next_waiting
-- Highest priority first, then who waits longest; what rings somewhere already is passed over. What somebody is
-- changing right now is waited for: to pass it over would be to serve a later caller first.
SELECT * FROM conversations c
 WHERE c.queue_id = :queue_id AND c.status = 'waiting' AND c.id <> ALL (:passed::uuid[])
   AND c.channel <> ALL (:channels_without::text[])
   AND NOT EXISTS (SELECT 1 FROM offers o WHERE o.conversation_id = c.id AND o.settled_at IS NULL)
 ORDER BY c.priority DESC, c.waiting_since, c.id LIMIT 1
   FOR UPDATE;

-- name: next_due
-- Seconds until something has to be done without being told: an offer or a wait runs out, a wrap-up ends.
SELECT extract(epoch FROM min(due) - now()) FROM (
    SELECT min(expires_at) AS due FROM offers WHERE settled_at IS NULL
    UNION ALL
    SELECT min(c.waiting_since + make_interval(secs => q.max_wait_seconds))
      FROM conversations c JOIN attendance_queues q ON q.id = c.queue_id
     WHERE c.status = 'waiting' AND c.overflowed_at IS NULL
    UNION ALL
    SELECT min(wrap_up_until) FROM presence WHERE status = 'online' AND wrap_up_until > now()
    UNION ALL
    SELECT min(o.settled_at + make_interval(secs => :cool_down_s))
      FROM offers o JOIN conversations c ON c.id = o.conversation_id AND c.status = 'waiting'
     WHERE o.settled_at > now() - make_interval(secs => :cool_down_s)
) AS dues;

-- name: request_callback
INSERT INTO callbacks (organisation_id, conversation_id, phone, reason)
VALUES (:organisation_id, :conversation_id, :phone, :reason)
ON CONFLICT (conversation_id) WHERE done_at IS NULL DO NOTHING;

-- name: insights
-- D10: waits of those who were served, abandoned ones apart.
SELECT count(*) AS conversations,
       count(*) FILTER (WHERE enqueued_at IS NOT NULL) AS queued,
       count(*) FILTER (WHERE status = 'abandoned') AS abandoned,
       count(*) FILTER (WHERE resolved_by IS NOT NULL) AS resolved,
       count(*) FILTER (WHERE status = 'waiting') AS waiting,
       count(*) FILTER (WHERE status IN ('assigned', 'active', 'pending')) AS active,
       count(*) FILTER (WHERE transfer_count > 0) AS transferred,
       count(*) FILTER (WHERE accepted_at IS NOT NULL) AS handled,
       avg(extract(epoch FROM accepted_at - enqueued_at)) AS avg_wait_s,
       avg(extract(epoch FROM first_response_at - accepted_at)) AS first_response_s,
       count(*) FILTER (WHERE accepted_at - enqueued_at <= interval '20 seconds') AS within_target
  FROM conversations
 WHERE organisation_id = :organisation_id
   AND created_at >= coalesce(:since::timestamptz, now() - interval '24 hours')
   AND created_at < coalesce(:until::timestamptz, 'infinity')
   AND (:channel::text IS NULL OR channel = :channel)
   AND (:queue_id::uuid IS NULL OR queue_id = :queue_id)
   AND (:user_id::uuid IS NULL OR assigned_to = :user_id);
