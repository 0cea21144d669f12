-- name: user_to_sign_in
SELECT u.id, u.organisation_id, u.attendant_code, u.name, u.role, u.email, u.must_change_password, u.password_hash,
       o.name AS organisation_name
  FROM users u JOIN organisations o ON o.id = u.organisation_id
 WHERE lower(u.email) = :email AND u.is_active;

-- name: open_session
INSERT INTO user_sessions (organisation_id, user_id, token_hash, csrf, ip, user_agent, expires_at)
VALUES (:organisation_id, :user_id, :token_hash, :csrf, :address, :agent, :expires_at)
RETURNING id;

-- name: signed_in
UPDATE users SET last_sign_in_at = now() WHERE id = :user_id;

-- name: forget_ended_sessions
DELETE FROM user_sessions WHERE expires_at < now();

-- name: session_of_token
SELECT s.id AS session_id, s.csrf, s.last_seen_at,
       u.id, u.organisation_id, u.attendant_code, u.name, u.role, u.email, u.must_change_password,
       o.name AS organisation_name
  FROM user_sessions s
  JOIN users u ON u.id = s.user_id AND u.organisation_id = s.organisation_id
  JOIN organisations o ON o.id = u.organisation_id
 WHERE s.token_hash = :token_hash AND s.expires_at > now() AND u.is_active;

-- name: renew_session
UPDATE user_sessions SET last_seen_at = now(), expires_at = :expires_at WHERE id = :session_id;

-- name: end_session
DELETE FROM user_sessions WHERE id = :session_id;

-- name: end_other_sessions
DELETE FROM user_sessions WHERE user_id = :user_id AND id IS DISTINCT FROM :keep::uuid RETURNING id;

-- name: live_sessions
SELECT s.id FROM user_sessions s JOIN users u ON u.id = s.user_id
 WHERE s.id = ANY (:session_ids::uuid[]) AND s.expires_at > now() AND u.is_active;

-- name: hash_of_user
SELECT password_hash FROM users WHERE id = :user_id;

-- name: replace_hash
-- Only if nobody changed the password meanwhile.
UPDATE users SET password_hash = :new WHERE id = :user_id AND password_hash = :old;

-- name: set_password
UPDATE users SET password_hash = :new, must_change_password = :must_change, updated_at = now() WHERE id = :user_id;

-- name: count_users
SELECT count(*) FROM users WHERE organisation_id = :organisation_id;

-- name: never_used_first_user
-- The one user there is, if nobody has ever signed in: the password that was printed is lost, so it may be made anew.
SELECT id, email FROM users
 WHERE organisation_id = :organisation_id AND must_change_password AND last_sign_in_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM users x WHERE x.organisation_id = :organisation_id AND x.id <> users.id
                                          AND x.password_hash IS NOT NULL);

-- name: user_by_email
SELECT id, organisation_id, email FROM users WHERE lower(email) = lower(:email);

-- name: add_user
INSERT INTO users (organisation_id, username, email, name, password_hash, must_change_password, role, attendant_code)
VALUES (:organisation_id, :username, :email, :name, :password_hash, :must_change, :role, :attendant_code)
RETURNING id;

-- name: add_presence
INSERT INTO presence (organisation_id, user_id) VALUES (:organisation_id, :user_id) ON CONFLICT DO NOTHING;

-- name: next_attendant_number
INSERT INTO counters (organisation_id, name, value) VALUES (:organisation_id, 'attendant', 1)
ON CONFLICT (organisation_id, name) DO UPDATE SET value = counters.value + 1 RETURNING value;

-- name: code_taken
SELECT EXISTS (SELECT 1 FROM users WHERE organisation_id = :organisation_id AND attendant_code = :code);


-- name: import_attendant
INSERT INTO users (organisation_id, username, email, name, attendant_code, channels, preferences, department, aliases,
                   phone)
VALUES (:organisation_id, :email, :email, :name, :code, :channels, :preferences, :department, :aliases, :phone)
ON CONFLICT (organisation_id, attendant_code) DO UPDATE
   SET email = excluded.email, username = excluded.username, name = excluded.name, channels = excluded.channels,
       preferences = excluded.preferences, department = excluded.department, aliases = excluded.aliases,
       phone = excluded.phone, updated_at = now()
 WHERE (users.email, users.name, users.channels, users.preferences, users.department, users.aliases, users.phone)
       IS DISTINCT FROM (excluded.email, excluded.name, excluded.channels, excluded.preferences, excluded.department,
                         excluded.aliases, excluded.phone)
RETURNING id, (xmax = 0) AS added;
