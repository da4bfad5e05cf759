-- What users prove themselves with, and who is held up for guessing. Secrets are no history: they are replaced and
-- destroyed, so they live beside the log and not in it. What they belong to is an event (docs/adr/0013).

-- Sealed with the user's own key; recovery codes and tokens are kept as SHA-256 only.
CREATE TABLE es.credentials (
    tenant_id         uuid NOT NULL,
    user_id           uuid NOT NULL,
    password          text,
    totp              text,
    totp_confirmed    boolean NOT NULL DEFAULT false,
    -- The last time step whose code was taken: a code is good once.
    totp_step         bigint NOT NULL DEFAULT 0,
    recovery          bytea[] NOT NULL DEFAULT '{}',
    CONSTRAINT credentials_pkey PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE es.sessions (
    tenant_id     uuid NOT NULL,
    session_id    uuid NOT NULL,
    user_id       uuid NOT NULL,
    method        text NOT NULL,
    impersonator  uuid,
    started_at    timestamptz NOT NULL,
    last_used_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    ip            text,
    user_agent    text,
    CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, session_id)
);
CREATE INDEX sessions_user_idx ON es.sessions (tenant_id, user_id, started_at DESC, session_id DESC);

-- The family of a session's refresh tokens. One is good at a time; the others say who holds an old one.
CREATE TABLE es.refresh_tokens (
    tenant_id    uuid NOT NULL,
    token_hash   bytea NOT NULL,
    session_id   uuid NOT NULL,
    issued_at    timestamptz NOT NULL,
    consumed_at  timestamptz,
    -- What it was exchanged for; nothing when it was given up for a lost answer.
    successor    bytea,
    -- The answer was lost once, and another exchange was allowed.
    forgiven     boolean NOT NULL DEFAULT false,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (tenant_id, token_hash)
);
CREATE INDEX refresh_tokens_session_idx ON es.refresh_tokens (tenant_id, session_id);

-- Single-use secrets: invitations, password resets, sign-ins that wait for their second factor.
CREATE TABLE es.tickets (
    tenant_id    uuid NOT NULL,
    ticket_hash  bytea NOT NULL,
    purpose      text NOT NULL,
    user_id      uuid NOT NULL,
    expires_at   timestamptz NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    CONSTRAINT tickets_pkey PRIMARY KEY (tenant_id, ticket_hash)
);
CREATE INDEX tickets_user_idx ON es.tickets (tenant_id, user_id, purpose);

CREATE TABLE es.api_keys (
    tenant_id     uuid NOT NULL,
    key_id        uuid NOT NULL,
    user_id       uuid NOT NULL,
    name          text NOT NULL,
    key_hash      bytea NOT NULL,
    scopes        text[] NOT NULL,
    issued_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, key_id),
    CONSTRAINT api_keys_hash_key UNIQUE (tenant_id, key_hash)
);
CREATE INDEX api_keys_issued_idx ON es.api_keys (tenant_id, issued_at DESC, key_id DESC);

-- Sign-ins and failures, as their users and the tenant's staff see them. Equal ones of a minute are one row, so that
-- nobody can write the disk full by guessing.
CREATE TABLE es.sign_ins (
    tenant_id    uuid NOT NULL,
    sign_in_id   uuid NOT NULL,
    minute       timestamptz NOT NULL,
    outcome      text NOT NULL,
    user_id      uuid,
    ip           text,
    user_agent   text,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    times        integer NOT NULL DEFAULT 1,
    CONSTRAINT sign_ins_pkey PRIMARY KEY (tenant_id, sign_in_id),
    CONSTRAINT sign_ins_minute_key UNIQUE NULLS NOT DISTINCT (tenant_id, minute, outcome, user_id, ip)
);
CREATE INDEX sign_ins_time_idx ON es.sign_ins (tenant_id, first_at DESC, sign_in_id DESC);
CREATE INDEX sign_ins_user_idx ON es.sign_ins (tenant_id, user_id, first_at DESC, sign_in_id DESC);

-- Accounts at which somebody guesses, by the keyed hash of their address, existing or not.
CREATE TABLE es.sign_in_delays (
    tenant_id   uuid NOT NULL,
    account     text NOT NULL,
    attempts    integer NOT NULL,
    last_at     timestamptz NOT NULL,
    held_until  timestamptz NOT NULL,
    CONSTRAINT sign_in_delays_pkey PRIMARY KEY (tenant_id, account)
);
CREATE INDEX sign_in_delays_idle_idx ON es.sign_in_delays (tenant_id, last_at);

-- Networks that behave as no customer does. Of the platform: an attacker's address is the same at every tenant.
CREATE TABLE es.address_strikes (
    tenant_id      uuid NOT NULL,
    network        text NOT NULL,
    strikes        integer NOT NULL,
    since          timestamptz NOT NULL,
    blocks         integer NOT NULL DEFAULT 0,
    blocked_until  timestamptz NOT NULL,
    CONSTRAINT address_strikes_pkey PRIMARY KEY (tenant_id, network)
);
CREATE INDEX address_strikes_idle_idx ON es.address_strikes (tenant_id, since);

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['credentials', 'sessions', 'refresh_tokens', 'tickets', 'api_keys', 'sign_ins',
        'sign_in_delays', 'address_strikes'] LOOP
        EXECUTE format('ALTER TABLE es.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE es.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY own_tenant ON es.%I TO simpul_app
                        USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()))',
                       v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON es.%I TO simpul_app', v_table);
    END LOOP;
END
$$;

-- One attempt at an account, counted before it is judged, so that attempts side by side count too. Returns until when
-- the account is held, or nothing when the attempt may go on. Ten attempts are free; then each costs twice the one
-- before, up to 15 minutes, and after a quiet half hour all is forgotten.
CREATE FUNCTION es.attempt_sign_in(p_tenant uuid, p_account text, p_now timestamptz) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    v_held   timestamptz;
BEGIN
    INSERT INTO es.sign_in_delays AS d (tenant_id, account, attempts, last_at, held_until)
    VALUES (p_tenant, p_account, 1, p_now, p_now)
    ON CONFLICT ON CONSTRAINT sign_in_delays_pkey DO UPDATE
    SET attempts = CASE WHEN d.held_until < p_now - interval '30 minutes' THEN 1 ELSE d.attempts + 1 END,
        last_at = p_now,
        held_until = CASE WHEN d.held_until < p_now - interval '30 minutes' OR d.attempts < 9 THEN p_now
                          ELSE p_now + least(power(2, least(d.attempts - 9, 10)), 900) * interval '1 second' END
    WHERE d.held_until <= p_now;
    IF NOT FOUND THEN
        SELECT held_until INTO v_held FROM es.sign_in_delays WHERE tenant_id = p_tenant AND account = p_account;
    END IF;
    DELETE FROM es.sign_in_delays WHERE (tenant_id, account) IN (
        SELECT tenant_id, account FROM es.sign_in_delays
        WHERE tenant_id = p_tenant AND last_at < p_now - interval '1 day' LIMIT 2 FOR UPDATE SKIP LOCKED);
    RETURN v_held;
END
$$;
REVOKE ALL ON FUNCTION es.attempt_sign_in(uuid, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.attempt_sign_in(uuid, text, timestamptz) TO simpul_app;

-- Counts against a network. Too many within the window block it, each time for twice as long, up to a day. Returns
-- until when it is blocked, if it is.
CREATE FUNCTION es.strike(p_tenant uuid, p_network text, p_now timestamptz, p_most integer, p_window interval,
                          p_block interval) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    v_until  timestamptz;
BEGIN
    INSERT INTO es.address_strikes AS a (tenant_id, network, strikes, since, blocked_until)
    VALUES (p_tenant, p_network, 1, p_now, p_now)
    ON CONFLICT ON CONSTRAINT address_strikes_pkey DO UPDATE
    SET strikes = CASE WHEN a.since < p_now - p_window THEN 1 ELSE a.strikes + 1 END,
        since = CASE WHEN a.since < p_now - p_window THEN p_now ELSE a.since END,
        blocks = CASE WHEN a.blocked_until < p_now - interval '1 day' THEN 0 ELSE a.blocks END;
    UPDATE es.address_strikes
    SET blocked_until = greatest(blocked_until, p_now + least(p_block * power(2, least(blocks, 10)), interval '1 day')),
        blocks = blocks + 1, strikes = 0, since = p_now
    WHERE tenant_id = p_tenant AND network = p_network AND strikes >= p_most;
    SELECT blocked_until INTO v_until FROM es.address_strikes
    WHERE tenant_id = p_tenant AND network = p_network AND blocked_until > p_now;
    DELETE FROM es.address_strikes WHERE (tenant_id, network) IN (
        SELECT tenant_id, network FROM es.address_strikes
        WHERE tenant_id = p_tenant AND since < p_now - interval '2 days' AND blocked_until < p_now - interval '2 days'
        LIMIT 2 FOR UPDATE SKIP LOCKED);
    RETURN v_until;
END
$$;
REVOKE ALL ON FUNCTION es.strike(uuid, text, timestamptz, integer, interval, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.strike(uuid, text, timestamptz, integer, interval, interval) TO simpul_app;
