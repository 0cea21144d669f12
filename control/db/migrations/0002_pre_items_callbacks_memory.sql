-- What a client sees of a conversation, in one place; call-backs asked for; what flows remember.

ALTER TABLE organisations ADD COLUMN timezone text NOT NULL DEFAULT 'America/Sao_Paulo';

-- S46 and what the queue screen adds to it. The call is the live one, else the last.
CREATE VIEW conversation_items AS
SELECT c.id, c.organisation_id, c.bot_id, c.contact_id, c.channel, c.status, c.priority, c.queue_id, c.assigned_to,
       c.customer_name, c.customer_phone, c.customer_email, c.last_message, c.last_message_at, c.waiting_since,
       c.enqueued_at, c.accepted_at, c.resolved_at, c.abandoned_at, c.wrap_up_code, c.tags, c.created_at,
       c.context_data,
       q.name AS queue_name, u.name AS assigned_to_name, u.attendant_code AS attendant_id,
       k.id AS call_id, k.direction, k.state, k.from_number, k.to_number, k.started_at, k.answered_at, k.ended_at,
       k.cause,
       extract(epoch FROM coalesce(c.accepted_at, c.abandoned_at, c.resolved_at, now())
                        - coalesce(c.waiting_since, c.enqueued_at)) AS waited_s
  FROM conversations c
  LEFT JOIN attendance_queues q ON q.id = c.queue_id
  LEFT JOIN users u ON u.id = c.assigned_to
  LEFT JOIN LATERAL (SELECT * FROM calls WHERE conversation_id = c.id
                      ORDER BY (state <> 'ended') DESC, started_at DESC LIMIT 1) k ON true;

-- D13, S44: a caller who would rather be called back.
CREATE TABLE callbacks (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    phone            text NOT NULL,
    reason           text NOT NULL,                           -- caller, max_wait
    requested_at     timestamptz NOT NULL DEFAULT now(),
    done_at          timestamptz,
    done_by          uuid,
    UNIQUE (organisation_id, id),
    FOREIGN KEY (organisation_id, conversation_id) REFERENCES conversations (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, done_by) REFERENCES users (organisation_id, id)
);
CREATE UNIQUE INDEX callbacks_one_open ON callbacks (conversation_id) WHERE done_at IS NULL;

-- SET/GET BOT MEMORY (owner is the bot's name) and USER MEMORY (owner is the contact, or the address it wrote from).
CREATE TABLE memories (
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    scope            text NOT NULL CHECK (scope IN ('bot', 'user')),
    owner            text NOT NULL,
    key              text NOT NULL,
    value            jsonb NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, scope, owner, key)
);
