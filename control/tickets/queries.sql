-- name: seed_wrap_up_code
INSERT INTO wrap_up_codes (organisation_id, code, label, requires_notes, order_index)
VALUES (:organisation_id, :code, :label, :requires_notes, :order_index)
ON CONFLICT (organisation_id, code) DO NOTHING;

-- name: wrap_up_code
SELECT * FROM wrap_up_codes WHERE organisation_id = :organisation_id AND code = :code AND is_active;

-- name: wrap_up_codes
SELECT * FROM wrap_up_codes WHERE organisation_id = :organisation_id AND is_active ORDER BY order_index, code;

-- name: next_number
-- Locks the organisation's counter until the transaction ends: a rollback takes the number back, so there are no gaps.
INSERT INTO counters (organisation_id, name, value) VALUES (:organisation_id, 'ticket', 1)
ON CONFLICT (organisation_id, name) DO UPDATE SET value = counters.value + 1
RETURNING value;

-- name: insert
INSERT INTO attendance_tickets (organisation_id, session_id, ticket_number, subject, description, status, priority,
                                category, assigned_to, attendant_id, channel, customer_id, contact_phone,
                                contact_email, wrap_up_code, notes, resolved_at, tags)
VALUES (:organisation_id, :session_id, :ticket_number, :subject, :description, :status, :priority, :category,
        :assigned_to, :attendant_id, :channel, :customer_id, :contact_phone, :contact_email, :wrap_up_code, :notes,
        CASE WHEN :status::text = 'resolved' THEN now() END, :tags)
RETURNING id;

-- name: open_ticket
-- The newest of the conversation, locked: resolving attaches to it if there is one.
SELECT * FROM attendance_tickets WHERE organisation_id = :organisation_id AND session_id = :session_id
 ORDER BY ticket_number DESC LIMIT 1 FOR UPDATE;

-- name: resolve
UPDATE attendance_tickets
   SET status = 'resolved', resolved_at = now(), updated_at = now(), wrap_up_code = coalesce(:wrap_up_code, wrap_up_code),
       notes = coalesce(:notes, notes), assigned_to = coalesce(:assigned_to, assigned_to),
       attendant_id = coalesce(:attendant_id, attendant_id), customer_id = coalesce(customer_id, :customer_id)
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING id;

-- name: reopen
UPDATE attendance_tickets
   SET status = 'in_progress', resolved_at = NULL, updated_at = now(), assigned_to = :assigned_to,
       attendant_id = :attendant_id
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING id;

-- name: change
UPDATE attendance_tickets
   SET status = coalesce(:status, status), priority = coalesce(:priority, priority),
       category = coalesce(:category, category), subject = coalesce(:subject, subject),
       description = coalesce(:description, description), tags = coalesce(:tags, tags),
       assigned_to = coalesce(:assigned_to, assigned_to), attendant_id = coalesce(:attendant_id, attendant_id),
       resolved_at = CASE WHEN :status::text = 'resolved' THEN coalesce(resolved_at, now())
                          WHEN :status::text IN ('open', 'in_progress', 'pending') THEN NULL ELSE resolved_at END,
       updated_at = now()
 WHERE organisation_id = :organisation_id AND id = :id
RETURNING id;

-- name: delete
DELETE FROM attendance_tickets WHERE organisation_id = :organisation_id AND id = :id RETURNING session_id;

-- name: ticket
SELECT t.*, u.name AS assigned_to_name, w.label AS wrap_up_label, c.name AS customer_name
  FROM attendance_tickets t
  LEFT JOIN users u ON u.id = t.assigned_to
  LEFT JOIN wrap_up_codes w ON w.organisation_id = t.organisation_id AND w.code = t.wrap_up_code
  LEFT JOIN crm_contacts c ON c.id = t.customer_id
 WHERE t.organisation_id = :organisation_id AND t.id = :id;

-- name: tickets
SELECT t.*, u.name AS assigned_to_name, w.label AS wrap_up_label, c.name AS customer_name
  FROM attendance_tickets t
  LEFT JOIN users u ON u.id = t.assigned_to
  LEFT JOIN wrap_up_codes w ON w.organisation_id = t.organisation_id AND w.code = t.wrap_up_code
  LEFT JOIN crm_contacts c ON c.id = t.customer_id
 WHERE t.organisation_id = :organisation_id
   AND (:status::text IS NULL OR t.status = :status)
   AND (:priority::text IS NULL OR t.priority = :priority)
   AND (:category::text IS NULL OR t.category = :category)
   AND (:assigned_to::uuid IS NULL OR t.assigned_to = :assigned_to)
   AND (:session_id::uuid IS NULL OR t.session_id = :session_id)
 ORDER BY t.ticket_number DESC LIMIT :limit OFFSET :offset;

-- name: attendant
-- By id or by code (D7).
SELECT id, attendant_code, name FROM users
 WHERE organisation_id = :organisation_id AND is_active AND attendant_code IS NOT NULL
   AND (id::text = :attendant::text OR attendant_code = :attendant::text);

-- name: set_contact
UPDATE conversations SET contact_id = :contact_id WHERE organisation_id = :organisation_id AND id = :id;
