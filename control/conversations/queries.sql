-- name: lock
SELECT * FROM conversations WHERE organisation_id = :organisation_id AND id = :id FOR UPDATE;

-- name: item
SELECT * FROM conversation_items WHERE organisation_id = :organisation_id AND id = :id;

-- name: items
-- status: one of D4 or bot; NULL: everything that is open with people.
SELECT * FROM conversation_items
 WHERE organisation_id = :organisation_id
   AND CASE :status::text
         WHEN 'all' THEN true
         WHEN 'open' THEN status IN ('waiting', 'assigned', 'active', 'pending')
         ELSE status = :status::text END
   AND (:channel::text IS NULL OR channel = :channel)
   AND (:assigned_to::uuid IS NULL OR assigned_to = :assigned_to)
   AND (:queue_id::uuid IS NULL OR queue_id = :queue_id)
 ORDER BY CASE status WHEN 'waiting' THEN 0 WHEN 'assigned' THEN 1 WHEN 'active' THEN 2 WHEN 'pending' THEN 3
                      WHEN 'bot' THEN 4 ELSE 5 END,
          CASE WHEN status = 'waiting' THEN priority END DESC NULLS LAST,
          CASE WHEN status = 'waiting' THEN waiting_since END NULLS LAST,
          created_at DESC
 LIMIT :limit OFFSET :offset;

-- name: open
INSERT INTO conversations (organisation_id, bot_id, contact_id, channel, context_data, priority,
                           customer_name, customer_phone, customer_email)
VALUES (:organisation_id, (SELECT id FROM bots WHERE organisation_id = :organisation_id ORDER BY created_at LIMIT 1),
        :contact_id, :channel, :context_data, :priority, :customer_name, :customer_phone, :customer_email)
RETURNING *;

-- name: history
-- Earlier conversations of the same person.
SELECT count(*) AS conversations, max(created_at) AS last_at FROM conversations
 WHERE organisation_id = :organisation_id AND id <> :id
   AND (contact_id = :contact_id OR (:contact_id::uuid IS NULL AND customer_phone = :phone));

-- name: merge_context
UPDATE conversations SET context_data = context_data || :values, updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_customer
UPDATE conversations
   SET customer_name = coalesce(:name, customer_name), customer_email = coalesce(:email, customer_email),
       customer_phone = coalesce(:phone, customer_phone), contact_id = coalesce(:contact_id, contact_id),
       updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_status
-- Only from the status that was read under the lock.
UPDATE conversations SET status = :status, updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id AND status = :was
RETURNING *;

-- name: set_abandoned
UPDATE conversations
   SET status = 'abandoned', assigned_to = NULL, abandoned_at = now(), updated_at = now(),
       context_data = context_data || '{"needs_human": false}'
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_finished
-- The bot needed nobody.
UPDATE conversations SET status = 'resolved', resolved_at = now(), updated_at = now(),
       context_data = context_data || '{"needs_human": false}'
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: set_to_bot
UPDATE conversations
   SET status = 'bot', assigned_to = NULL, queue_id = NULL, waiting_since = NULL, updated_at = now(),
       context_data = context_data || '{"needs_human": false}'
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: settle_offers
-- An offer lives only while its conversation waits. :taker's own was accepted, everybody else's is withdrawn.
UPDATE offers SET settled_at = now(),
                  outcome = CASE WHEN user_id = :taker::uuid THEN 'accepted' ELSE 'withdrawn' END
 WHERE organisation_id = :organisation_id AND conversation_id = :conversation_id AND settled_at IS NULL
RETURNING id, user_id, outcome;

-- name: add_entry
WITH place AS (
    UPDATE conversations
       SET next_seq = next_seq + 1, updated_at = now(),
           -- What a list quotes is what a person said; the bot's words only while nobody has said anything.
           last_message = CASE WHEN :kind::text = 'message' AND (:author::text <> 'bot' OR last_message IS NULL)
                               THEN left(:text::text, 500) ELSE last_message END,
           last_message_at = CASE WHEN :kind::text = 'message' THEN clock_timestamp() ELSE last_message_at END,
           first_response_at = CASE WHEN :author::text = 'attendant' AND :kind::text = 'message'
                                     AND accepted_at IS NOT NULL
                                    THEN coalesce(first_response_at, clock_timestamp()) ELSE first_response_at END
     WHERE organisation_id = :organisation_id AND id = :conversation_id
     RETURNING next_seq - 1 AS seq
)
INSERT INTO messages (organisation_id, conversation_id, seq, kind, author, author_user_id, author_name, text, via,
                      start_s, end_s, interrupted, data, dedup_key)
SELECT :organisation_id, :conversation_id, place.seq, :kind::text, :author::text, :author_user_id, :author_name,
       :text::text, :via, :start_s, :end_s, :interrupted, :data, :dedup_key
  FROM place
RETURNING *;

-- name: entry_by_dedup
SELECT * FROM messages WHERE organisation_id = :organisation_id AND dedup_key = :dedup_key;

-- name: timeline
SELECT * FROM messages WHERE organisation_id = :organisation_id AND conversation_id = :conversation_id AND seq > :after
 ORDER BY seq LIMIT :limit;

-- name: start_call
INSERT INTO calls (id, organisation_id, conversation_id, direction, state, media, trunk, from_number, to_number,
                   answered_at)
VALUES (:id, :organisation_id, :conversation_id, :direction, 'bot', :media, :trunk, :from_number, :to_number,
        CASE WHEN :answered::boolean THEN now() END)
RETURNING *;

-- name: lock_call
SELECT * FROM calls WHERE organisation_id = :organisation_id AND id = :id FOR UPDATE;

-- name: call
SELECT * FROM calls WHERE organisation_id = :organisation_id AND id = :id;

-- name: advance_call
UPDATE calls
   SET state = :state::text,
       answered_at = CASE WHEN :state::text IN ('connecting', 'talking') THEN coalesce(answered_at, now())
                          ELSE answered_at END,
       talking_at = CASE WHEN :state::text = 'talking' THEN coalesce(talking_at, now()) ELSE talking_at END
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: answer_call
UPDATE calls SET answered_at = coalesce(answered_at, now()) WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: end_call
UPDATE calls SET state = 'ended', ended_at = now(), cause = :cause
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING *;

-- name: live_calls
SELECT * FROM calls WHERE state <> 'ended' AND media = :media ORDER BY started_at;

-- name: calls_of
SELECT * FROM calls WHERE organisation_id = :organisation_id AND conversation_id = :conversation_id ORDER BY started_at;

-- name: add_recording
INSERT INTO recordings (organisation_id, conversation_id, call_id, path, seconds, channels, size)
VALUES (:organisation_id, :conversation_id, :call_id, :path, :seconds, :channels, :size)
ON CONFLICT (organisation_id, path) DO UPDATE SET seconds = excluded.seconds, size = excluded.size
RETURNING *;

-- name: recordings_of
SELECT * FROM recordings WHERE organisation_id = :organisation_id AND conversation_id = :conversation_id
 ORDER BY created_at, path;

-- name: recording
SELECT * FROM recordings WHERE organisation_id = :organisation_id AND id = :id;
