-- What figures of attendants and queues are read by.
CREATE INDEX conversations_resolved_by ON conversations (resolved_by, resolved_at) WHERE resolved_by IS NOT NULL;
CREATE INDEX conversations_handled_in_queue ON conversations (queue_id, resolved_at DESC) WHERE resolved_by IS NOT NULL;
CREATE INDEX conversations_in_queue ON conversations (queue_id, priority DESC, waiting_since) WHERE status = 'waiting';
