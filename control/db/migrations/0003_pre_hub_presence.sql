-- Who is at the console, as the hubs of all replicas see it. A row nobody touches any more belongs to an attendant whose
-- last window was closed, or to a replica that died: after a grace the attendant counts as offline (S64).
CREATE TABLE hub_presence (
    organisation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    hub_id           uuid NOT NULL,
    seen_at          timestamptz NOT NULL DEFAULT now(),
    status_before    text,                                    -- set when we made it offline: restored on return
    PRIMARY KEY (user_id, hub_id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX hub_presence_seen ON hub_presence (seen_at);
