-- Letters to users on their way. What they say is sealed with the user's own key; the row goes when the letter went
-- (docs/adr/0043).
CREATE TABLE es.letters (
    tenant_id   uuid NOT NULL,
    letter_id   uuid NOT NULL,
    user_id     uuid NOT NULL,
    kind        text NOT NULL,
    content     text NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT letters_pkey PRIMARY KEY (tenant_id, letter_id)
);
CREATE INDEX letters_user_idx ON es.letters (tenant_id, user_id);
CREATE INDEX letters_expiry_idx ON es.letters (tenant_id, expires_at);
ALTER TABLE es.letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.letters FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON es.letters TO simpul_app
    USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()));
GRANT SELECT, INSERT, UPDATE, DELETE ON es.letters TO simpul_app;

-- What a ticket is about, sealed: the address that it proves.
ALTER TABLE es.tickets ADD COLUMN content text;

-- The super admin's own session, in the platform's tenant.
ALTER TABLE es.sessions ADD COLUMN impersonator_session uuid;
