-- The ground: organisations, users, contacts, conversations, queues, tickets, events.
--
-- Every table belongs to an organisation (D15). Where a row points at another, the organisation is part of the key it
-- points by, so a reference across organisations is an error of the database and not a matter of care.

CREATE TABLE organisations (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name        text NOT NULL UNIQUE CHECK (name <> ''),
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- Numbers without gaps: the row is locked by who takes one until that transaction ends.
CREATE TABLE counters (
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    name             text NOT NULL,                          -- event, ticket, attendant, customer
    value            bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, name)
);

CREATE TABLE bots (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    name             text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, name)
);

-- S85, S63, S69. A user with an attendant code serves customers; the table is the truth for attendants (D3).
CREATE TABLE users (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id       uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    username              text NOT NULL,
    email                 text NOT NULL,
    name                  text NOT NULL,
    password_hash         text,                              -- argon2id; NULL: cannot sign in
    must_change_password  boolean NOT NULL DEFAULT false,
    role                  text NOT NULL DEFAULT 'attendant' CHECK (role IN ('admin', 'supervisor', 'attendant')),
    is_admin              boolean GENERATED ALWAYS AS (role = 'admin') STORED,
    is_active             boolean NOT NULL DEFAULT true,
    attendant_code        text,                              -- att-001
    channels              text[] NOT NULL DEFAULT '{all}',   -- all, or voice, whatsapp, telegram, web…
    preferences           text,                              -- sales, support, technical, collections
    department            text,
    aliases               text[] NOT NULL DEFAULT '{}',
    phone                 text,
    last_sign_in_at       timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, username),
    UNIQUE (organisation_id, attendant_code)
);
-- One address signs in to one organisation: the sign-in form asks for no organisation.
CREATE UNIQUE INDEX users_email ON users (lower(email));

-- Sign-ins. The cookie's token is kept as its SHA-256 only.
CREATE TABLE user_sessions (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    token_hash       bytea NOT NULL UNIQUE,
    csrf             text NOT NULL,
    ip               text,
    user_agent       text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX user_sessions_user ON user_sessions (user_id);
CREATE INDEX user_sessions_expiry ON user_sessions (expires_at);

-- S64: who is at work, and the log of it that utilisation is reckoned from (D10).
CREATE TABLE presence (
    organisation_id  uuid NOT NULL,
    user_id          uuid PRIMARY KEY,
    status           text NOT NULL DEFAULT 'offline' CHECK (status IN ('online', 'busy', 'away', 'offline')),
    reason           text,                                   -- missed_offer: set by us, not by the attendant
    since            timestamptz NOT NULL DEFAULT now(),
    last_offer_at    timestamptz,
    wrap_up_until    timestamptz,                            -- no offer before this
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX presence_online ON presence (organisation_id) WHERE status = 'online';

CREATE TABLE presence_log (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    status           text NOT NULL,
    since            timestamptz NOT NULL,
    until            timestamptz NOT NULL,
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX presence_log_time ON presence_log (organisation_id, since);

-- S17, S18.
CREATE TABLE attendance_queues (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id   uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    name              varchar(100) NOT NULL CHECK (name <> ''),
    description       text,
    channels          jsonb NOT NULL DEFAULT '["whatsapp"]',
    is_active         boolean NOT NULL DEFAULT true,
    is_default        boolean NOT NULL DEFAULT false,
    priority_order    int NOT NULL DEFAULT 0,
    max_wait_seconds  int NOT NULL DEFAULT 600 CHECK (max_wait_seconds > 0),
    max_size          int NOT NULL DEFAULT 50 CHECK (max_size > 0),
    auto_assign       boolean NOT NULL DEFAULT true,
    bot_id            uuid,
    created_by        uuid,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id),
    FOREIGN KEY (organisation_id, bot_id) REFERENCES bots (organisation_id, id),
    FOREIGN KEY (organisation_id, created_by) REFERENCES users (organisation_id, id)
);
CREATE UNIQUE INDEX attendance_queues_name ON attendance_queues (organisation_id, lower(name));
CREATE UNIQUE INDEX attendance_queues_one_default ON attendance_queues (organisation_id) WHERE is_default;

CREATE TABLE attendance_queue_members (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id    uuid NOT NULL,
    queue_id           uuid NOT NULL,
    user_id            uuid NOT NULL,
    is_active          boolean NOT NULL DEFAULT true,
    max_conversations  int NOT NULL DEFAULT 5 CHECK (max_conversations > 0),
    priority           int NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (queue_id, user_id),
    FOREIGN KEY (organisation_id, queue_id) REFERENCES attendance_queues (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX attendance_queue_members_user ON attendance_queue_members (user_id);

-- S48, S88, S52: one row a person; the dialect calls the table "customers" or "crm_contacts".
CREATE TABLE crm_contacts (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    customer_id      text,                                   -- cust-001
    name             text,
    first_name       text,
    last_name        text,
    email            text,
    phone            text,                                   -- E.164, or as the network gave it when it is no number
    tier             text NOT NULL DEFAULT 'standard' CHECK (tier IN ('premium', 'gold', 'standard')),
    ltv              numeric(14, 2) NOT NULL DEFAULT 0,
    last_purchase    date,
    customer_since   date,
    last_contact     timestamptz,
    status           text,
    source           text,
    notes            text,
    attendant_id     text,
    owner_id         uuid,
    bot_id           uuid,
    tags             text[] NOT NULL DEFAULT '{}',
    custom_fields    jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, customer_id),
    FOREIGN KEY (organisation_id, owner_id) REFERENCES users (organisation_id, id),
    FOREIGN KEY (organisation_id, bot_id) REFERENCES bots (organisation_id, id)
);
-- Two calls of a new number at once make one contact.
CREATE UNIQUE INDEX crm_contacts_phone ON crm_contacts (organisation_id, phone) WHERE phone IS NOT NULL;
CREATE INDEX crm_contacts_email ON crm_contacts (organisation_id, lower(email));

CREATE TABLE crm_leads (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    name             text,
    phone            text,
    email            text,
    source           text,
    status           text NOT NULL DEFAULT 'new',
    attendant_id     text,
    notes            text,
    campaign_id      text,
    custom_fields    jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id)
);
CREATE INDEX crm_leads_phone ON crm_leads (organisation_id, phone);

CREATE TABLE crm_pipeline_stages (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    name             text NOT NULL,
    order_index      int NOT NULL DEFAULT 0,
    probability      int NOT NULL DEFAULT 0 CHECK (probability BETWEEN 0 AND 100),
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, name)
);

CREATE TABLE crm_deals (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    name             text NOT NULL,
    value            numeric(14, 2) NOT NULL DEFAULT 0,
    stage            text NOT NULL DEFAULT 'qualification',
    contact_id       uuid,
    owner_id         uuid,
    custom_fields    jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id),
    FOREIGN KEY (organisation_id, contact_id) REFERENCES crm_contacts (organisation_id, id),
    FOREIGN KEY (organisation_id, owner_id) REFERENCES users (organisation_id, id)
);

-- D4 and `bot`. The gate is context_data.needs_human (S5): missing is false.
CREATE TABLE conversations (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id    uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    bot_id             uuid,
    contact_id         uuid,
    channel            text NOT NULL,
    status             text NOT NULL DEFAULT 'bot'
                       CHECK (status IN ('bot', 'waiting', 'assigned', 'active', 'pending', 'resolved', 'abandoned')),
    context_data       jsonb NOT NULL DEFAULT '{}',
    priority           int NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
    queue_id           uuid,
    assigned_to        uuid,                                  -- users.id (S21)
    wanted_user        uuid,                                  -- asked for by name (S56): offered to this one first
    customer_name      text,
    customer_phone     text,
    customer_email     text,
    last_message       text,
    last_message_at    timestamptz,
    next_seq           int NOT NULL DEFAULT 1,                -- of its timeline
    waiting_since      timestamptz,                           -- kept through a missed offer: the place in the queue
    enqueued_at        timestamptz,                           -- KPI clocks of D10
    assigned_at        timestamptz,
    accepted_at        timestamptz,
    first_response_at  timestamptz,
    resolved_at        timestamptz,
    abandoned_at       timestamptz,
    overflowed_at      timestamptz,
    resolved_by        uuid,                                  -- NULL on a resolved one: the bot needed nobody
    wrap_up_code       text,
    transfer_count     int NOT NULL DEFAULT 0,
    reopen_count       int NOT NULL DEFAULT 0,
    tags               text[] NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id),
    CHECK (status NOT IN ('assigned', 'active', 'pending') OR assigned_to IS NOT NULL),
    CHECK (status <> 'waiting' OR (queue_id IS NOT NULL AND waiting_since IS NOT NULL AND assigned_to IS NULL)),
    FOREIGN KEY (organisation_id, bot_id) REFERENCES bots (organisation_id, id),
    FOREIGN KEY (organisation_id, contact_id) REFERENCES crm_contacts (organisation_id, id),
    FOREIGN KEY (organisation_id, queue_id) REFERENCES attendance_queues (organisation_id, id),
    FOREIGN KEY (organisation_id, assigned_to) REFERENCES users (organisation_id, id),
    FOREIGN KEY (organisation_id, wanted_user) REFERENCES users (organisation_id, id),
    FOREIGN KEY (organisation_id, resolved_by) REFERENCES users (organisation_id, id)
);
CREATE INDEX conversations_waiting ON conversations (organisation_id, priority DESC, waiting_since)
    WHERE status = 'waiting';
CREATE INDEX conversations_open_of_user ON conversations (assigned_to)
    WHERE status IN ('assigned', 'active', 'pending');
CREATE INDEX conversations_recent ON conversations (organisation_id, created_at DESC);
CREATE INDEX conversations_contact ON conversations (contact_id, created_at DESC);

-- The timeline.
CREATE TABLE messages (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    seq              int NOT NULL,
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind             text NOT NULL CHECK (kind IN ('message', 'note', 'event')),
    author           text NOT NULL CHECK (author IN ('customer', 'bot', 'attendant', 'system')),
    author_user_id   uuid,
    author_name      text,
    text             text NOT NULL,
    via              text NOT NULL CHECK (via IN ('voice', 'text', 'dtmf', 'system')),
    start_s          double precision,                        -- on the call's timeline, which is the recording's
    end_s            double precision,
    interrupted      boolean NOT NULL DEFAULT false,          -- the bot was cut short: text is what was heard of it
    data             jsonb NOT NULL DEFAULT '{}',
    dedup_key        text,                                    -- of an inbound event: the second one is not written
    UNIQUE (conversation_id, seq),
    FOREIGN KEY (organisation_id, conversation_id) REFERENCES conversations (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, author_user_id) REFERENCES users (organisation_id, id)
);
CREATE UNIQUE INDEX messages_dedup ON messages (organisation_id, dedup_key) WHERE dedup_key IS NOT NULL;

CREATE TABLE calls (
    id               uuid PRIMARY KEY,                        -- the SIP process names it
    organisation_id  uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    direction        text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    state            text NOT NULL CHECK (state IN ('bot', 'queued', 'connecting', 'talking', 'held', 'ended')),
    media            text NOT NULL DEFAULT 'sip',             -- sip, whatsapp, web
    trunk            text,
    from_number      text,
    to_number        text,
    started_at       timestamptz NOT NULL DEFAULT now(),
    answered_at      timestamptz,
    talking_at       timestamptz,                             -- a person and the caller first heard each other
    ended_at         timestamptz,
    cause            text,                                    -- caller_hung_up, we_hung_up, worker_lost…
    UNIQUE (organisation_id, id),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    FOREIGN KEY (organisation_id, conversation_id) REFERENCES conversations (organisation_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX calls_one_live ON calls (conversation_id) WHERE state <> 'ended';
CREATE INDEX calls_conversation ON calls (conversation_id, started_at DESC);
CREATE INDEX calls_live ON calls (organisation_id) WHERE state <> 'ended';

CREATE TABLE recordings (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    call_id          uuid NOT NULL,
    path             text NOT NULL,                           -- below the recordings directory
    seconds          double precision NOT NULL CHECK (seconds >= 0),
    channels         int NOT NULL CHECK (channels IN (1, 2)),
    size             bigint NOT NULL CHECK (size >= 0),       -- bytes
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, path),
    FOREIGN KEY (organisation_id, conversation_id) REFERENCES conversations (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, call_id) REFERENCES calls (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX recordings_conversation ON recordings (conversation_id);

CREATE TABLE offers (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    settled_at       timestamptz,
    outcome          text CHECK (outcome IN ('accepted', 'declined', 'expired', 'withdrawn')),
    UNIQUE (organisation_id, id),
    CHECK ((settled_at IS NULL) = (outcome IS NULL)),
    FOREIGN KEY (organisation_id, conversation_id) REFERENCES conversations (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
-- One live offer an attendant, one a conversation: two dispatchers racing is an error of the second, not a double ring.
CREATE UNIQUE INDEX offers_one_live_per_attendant ON offers (user_id) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX offers_one_live_per_conversation ON offers (conversation_id) WHERE settled_at IS NULL;
CREATE INDEX offers_expiry ON offers (expires_at) WHERE settled_at IS NULL;
CREATE INDEX offers_history ON offers (conversation_id, user_id, settled_at);

CREATE TABLE wrap_up_codes (
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    code             text NOT NULL,
    label            text NOT NULL,
    requires_notes   boolean NOT NULL DEFAULT false,
    is_active        boolean NOT NULL DEFAULT true,
    order_index      int NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, code)
);

-- S84, D5.
CREATE TABLE attendance_tickets (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id  uuid NOT NULL,
    session_id       uuid NOT NULL,
    ticket_number    int NOT NULL CHECK (ticket_number > 0),
    subject          text NOT NULL,
    description      text,
    status           text NOT NULL DEFAULT 'open'
                     CHECK (status IN ('open', 'in_progress', 'pending', 'resolved', 'closed')),
    priority         text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    category         text,                                    -- sales, support, billing, technical
    assigned_to      uuid,
    attendant_id     varchar(50),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    resolved_at      timestamptz,
    channel          text,
    customer_id      uuid,
    contact_phone    text,
    contact_email    text,
    wrap_up_code     text,
    notes            text,
    tags             jsonb NOT NULL DEFAULT '[]',
    custom_fields    jsonb NOT NULL DEFAULT '{}',
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, ticket_number),
    FOREIGN KEY (organisation_id, session_id) REFERENCES conversations (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, assigned_to) REFERENCES users (organisation_id, id),
    FOREIGN KEY (organisation_id, customer_id) REFERENCES crm_contacts (organisation_id, id),
    FOREIGN KEY (organisation_id, wrap_up_code) REFERENCES wrap_up_codes (organisation_id, code)
);
CREATE INDEX attendance_tickets_session ON attendance_tickets (session_id);
CREATE INDEX attendance_tickets_recent ON attendance_tickets (organisation_id, created_at DESC);

-- What was told, by number: what a client that was away is told again.
CREATE TABLE events (
    organisation_id  uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
    seq              bigint NOT NULL,
    at               timestamptz NOT NULL,
    type             text NOT NULL,
    audience         uuid,                                    -- a user; NULL: everyone of the organisation
    data             jsonb NOT NULL,
    PRIMARY KEY (organisation_id, seq)
);
CREATE INDEX events_age ON events (at);
