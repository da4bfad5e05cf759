-- Durable subscriptions: cursors, parked events, timers, inbox, outbox, lanes, notices.
--
-- Rows of work are leased: `holder` works on the row until `lease_until`, under an `epoch` that grows with every lease.

-- Leadership of a subscriber. The epoch grows at every take-over and fences the one before.
CREATE TABLE es.subscribers (
    name   text PRIMARY KEY,
    epoch  bigint NOT NULL DEFAULT 0
);
GRANT SELECT, INSERT, UPDATE ON es.subscribers TO simpul_system;

CREATE TABLE es.cursors (
    subscriber  text NOT NULL,
    tenant_id   uuid NOT NULL,
    seq         bigint NOT NULL,
    epoch       bigint NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT cursors_pkey PRIMARY KEY (tenant_id, subscriber)
) WITH (fillfactor = 40);

-- A poison event parks its key and every later event of that key.
CREATE TABLE es.parked (
    tenant_id    uuid NOT NULL,
    subscriber   text NOT NULL,
    tenant_seq   bigint NOT NULL,
    key          text NOT NULL,
    error        text,
    parked_at    timestamptz NOT NULL,
    CONSTRAINT parked_pkey PRIMARY KEY (tenant_id, subscriber, tenant_seq)
);
CREATE INDEX parked_key_idx ON es.parked (tenant_id, subscriber, key);

CREATE TABLE es.timers (
    tenant_id      uuid NOT NULL,
    timer_id       uuid NOT NULL,
    kind           text NOT NULL,
    subject        text NOT NULL,
    due_at         timestamptz NOT NULL,
    cause          uuid,
    correlation    uuid,
    attempts       integer NOT NULL DEFAULT 0,
    lease_until    timestamptz,
    holder         uuid,
    epoch          bigint NOT NULL DEFAULT 0,
    last_error     text,
    CONSTRAINT timers_pkey PRIMARY KEY (tenant_id, timer_id)
);
CREATE INDEX timers_due_idx ON es.timers (due_at);
CREATE INDEX timers_holder_idx ON es.timers (holder) WHERE holder IS NOT NULL;

-- What a consumer has already taken in.
CREATE TABLE es.inbox (
    tenant_id    uuid NOT NULL,
    consumer     text NOT NULL,
    message_id   uuid NOT NULL,
    received_at  timestamptz NOT NULL,
    CONSTRAINT inbox_pkey PRIMARY KEY (tenant_id, consumer, message_id)
);

-- Work for the outside: one row per effect, keyed, leased, retried.
CREATE TABLE es.outbox (
    tenant_id    uuid NOT NULL,
    outbox_id    uuid NOT NULL,
    channel      text NOT NULL,
    body         jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'waiting'
                 CONSTRAINT outbox_state CHECK (state IN ('waiting', 'sending', 'done', 'failed', 'unknown', 'discarded')),
    attempts     integer NOT NULL DEFAULT 0,
    begun        integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    lease_until  timestamptz,
    holder       uuid,
    epoch        bigint NOT NULL DEFAULT 0,
    cause        uuid,
    correlation  uuid,
    last_error   text,
    CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, outbox_id)
);
CREATE INDEX outbox_due_idx ON es.outbox (channel, due_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX outbox_holder_idx ON es.outbox (holder) WHERE holder IS NOT NULL;
CREATE INDEX outbox_stuck_idx ON es.outbox (tenant_id, due_at) WHERE state IN ('failed', 'unknown');

-- Convergence of one subject: no payload, only "converge this to at least version n".
CREATE TABLE es.lanes (
    tenant_id     uuid NOT NULL,
    kind          text NOT NULL,
    subject       text NOT NULL,
    target        text NOT NULL,
    wanted        bigint NOT NULL,
    confirmed     bigint NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'waiting'
                  CONSTRAINT lanes_state CHECK (state IN ('waiting', 'running', 'confirmed', 'failed', 'discarded')),
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL,
    lease_until   timestamptz,
    holder        uuid,
    epoch         bigint NOT NULL DEFAULT 0,
    cause         uuid,
    correlation   uuid,
    last_error    text,
    CONSTRAINT lanes_pkey PRIMARY KEY (tenant_id, kind, subject)
);
CREATE INDEX lanes_due_idx ON es.lanes (kind, due_at) WHERE state IN ('waiting', 'running', 'failed');
CREATE INDEX lanes_holder_idx ON es.lanes (holder) WHERE holder IS NOT NULL;
CREATE INDEX lanes_stuck_idx ON es.lanes (tenant_id, due_at) WHERE state = 'failed';

-- Notices as they arrived from outside, raw. Unique per connection and notification.
CREATE TABLE es.notices (
    tenant_id      uuid NOT NULL,
    notice_id      uuid NOT NULL,
    connection     text NOT NULL,
    dedup_key      text NOT NULL,
    body           bytea NOT NULL,
    headers        jsonb NOT NULL,
    received_at    timestamptz NOT NULL,
    state          text NOT NULL DEFAULT 'waiting'
                   CONSTRAINT notices_state CHECK (state IN ('waiting', 'done', 'failed', 'discarded')),
    repeats        integer NOT NULL DEFAULT 0,
    attempts       integer NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL,
    lease_until    timestamptz,
    holder         uuid,
    epoch          bigint NOT NULL DEFAULT 0,
    outcome        text,
    CONSTRAINT notices_pkey PRIMARY KEY (tenant_id, notice_id),
    CONSTRAINT notices_dedup_key UNIQUE (tenant_id, connection, dedup_key)
);
CREATE INDEX notices_due_idx ON es.notices (due_at) WHERE state = 'waiting';
CREATE INDEX notices_holder_idx ON es.notices (holder) WHERE holder IS NOT NULL;
CREATE INDEX notices_stuck_idx ON es.notices (tenant_id, received_at) WHERE state = 'failed';

-- Bodies that were refused before they could be trusted: hash, source and reason, never the body.
CREATE TABLE es.refused_notices (
    tenant_id    uuid NOT NULL,
    refused_id   uuid NOT NULL,
    connection   text NOT NULL,
    reason       text NOT NULL,
    body_sha256  bytea NOT NULL,
    ip           text,
    received_at  timestamptz NOT NULL,
    CONSTRAINT refused_notices_pkey PRIMARY KEY (tenant_id, refused_id)
);

-- Messages that a consumer gave up on; listed and replayed by an operator.
CREATE TABLE es.dead_letters (
    tenant_id    uuid NOT NULL,
    consumer     text NOT NULL,
    message_id   uuid NOT NULL,
    envelope     jsonb NOT NULL,
    reason       text NOT NULL,
    died_at      timestamptz NOT NULL,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (tenant_id, consumer, message_id)
);

-- Records of the product's own commands that appended no event, such as the removal of a timer. They answer while
-- the same cause may come again, and are forgotten after the retention. What had an effect, and what a person asked
-- for, is kept for ever.
CREATE TABLE es.idle_commands (
    tenant_id    uuid NOT NULL,
    recorded_at  timestamptz NOT NULL,
    command_id   uuid NOT NULL,
    CONSTRAINT idle_commands_pkey PRIMARY KEY (tenant_id, recorded_at, command_id)
);
CREATE FUNCTION es.keep_command() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the record of a command that had an effect is kept for ever'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION es.keep_command() FROM PUBLIC;
CREATE TRIGGER commands_with_effect_are_kept BEFORE DELETE ON es.commands
    FOR EACH ROW WHEN (OLD.first_seq <= OLD.last_seq) EXECUTE FUNCTION es.keep_command();
GRANT DELETE ON es.commands TO simpul_app;

-- Where a key that is unique over the whole platform leads: subdomain, domain, webhook route, NAS.
CREATE TABLE es.directory (
    kind       text NOT NULL,
    key        text NOT NULL,
    tenant_id  uuid NOT NULL,
    target     text NOT NULL,
    CONSTRAINT directory_pkey PRIMARY KEY (kind, key)
);

-- Access facts of the command bus.
CREATE TABLE es.access_tenants (
    tenant_id     uuid PRIMARY KEY,
    panel_locked  boolean NOT NULL DEFAULT false,
    disabled      boolean NOT NULL DEFAULT false,
    features      text[] NOT NULL DEFAULT '{}'
);
CREATE TABLE es.access_actors (
    tenant_id    uuid NOT NULL,
    actor        uuid NOT NULL,
    permissions  text[] NOT NULL,
    version      bigint NOT NULL,
    CONSTRAINT access_actors_pkey PRIMARY KEY (tenant_id, actor)
);

-- Keys: a data key per tenant, wrapped by the master key; a key per subject, wrapped by the tenant's data key.
-- Destroying a subject's key is the deletion of its personal data.
CREATE TABLE es.tenant_keys (
    tenant_id  uuid PRIMARY KEY,
    master_id  text NOT NULL,
    wrapped    bytea NOT NULL
);
CREATE TABLE es.subject_keys (
    tenant_id     uuid NOT NULL,
    subject       text NOT NULL,
    wrapped       bytea,
    destroyed_at  timestamptz,
    CONSTRAINT subject_keys_pkey PRIMARY KEY (tenant_id, subject),
    CONSTRAINT subject_keys_present_or_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- Numbers without gaps, such as those of invoices: taken under the row's lock in the transaction that uses them.
CREATE TABLE es.counters (
    tenant_id  uuid NOT NULL,
    scope      text NOT NULL,
    value      bigint NOT NULL,
    CONSTRAINT counters_pkey PRIMARY KEY (tenant_id, scope)
);

-- What is left of a rate budget, refilled as time passes. Shared by all instances; nothing is lost that matters when a
-- crash empties it, so that taking from it waits for no disk.
CREATE UNLOGGED TABLE es.budgets (
    tenant_id    uuid NOT NULL,
    scope        text NOT NULL,
    points       double precision NOT NULL,
    refilled_at  timestamptz NOT NULL,
    CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, scope)
);
CREATE INDEX budgets_idle_idx ON es.budgets (tenant_id, refilled_at);

-- Versions of each read model. One schema `rm_<name>_v<version>` per row.
CREATE TABLE es.projections (
    name      text NOT NULL,
    version   integer NOT NULL,
    state     text NOT NULL CONSTRAINT projections_state CHECK (state IN ('building', 'live', 'retired')),
    CONSTRAINT projections_pkey PRIMARY KEY (name, version)
);
CREATE UNIQUE INDEX projections_one_live ON es.projections (name) WHERE state = 'live';
GRANT SELECT ON es.projections TO simpul_app, simpul_system;
GRANT INSERT, UPDATE ON es.projections TO simpul_system;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['cursors', 'parked', 'timers', 'inbox', 'outbox', 'lanes', 'notices',
        'refused_notices', 'dead_letters', 'idle_commands', 'directory', 'access_tenants', 'access_actors', 'tenant_keys', 'subject_keys', 'counters',
        'budgets'] LOOP
        EXECUTE format('ALTER TABLE es.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE es.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY own_tenant ON es.%I TO simpul_app
                        USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()))',
                       v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON es.%I TO simpul_app', v_table);
    END LOOP;
    -- The closed list of what the system role may see over all tenants: positions and due times, no payloads.
    FOREACH v_table IN ARRAY ARRAY['cursors', 'directory'] LOOP
        EXECUTE format('CREATE POLICY all_tenants ON es.%I FOR SELECT TO simpul_system USING (true)', v_table);
        EXECUTE format('GRANT SELECT ON es.%I TO simpul_system', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['parked', 'timers', 'outbox', 'lanes', 'notices'] LOOP
        EXECUTE format('CREATE POLICY all_tenants ON es.%I FOR SELECT TO simpul_system USING (true)', v_table);
    END LOOP;
END
$$;
-- Of the tables with bodies and errors, which may name people, the system role sees only who has work and when.
GRANT SELECT (tenant_id, subscriber) ON es.parked TO simpul_system;
GRANT SELECT (tenant_id, due_at, lease_until, holder) ON es.timers TO simpul_system;
GRANT SELECT (tenant_id, channel, state, due_at, lease_until, holder) ON es.outbox TO simpul_system;
GRANT SELECT (tenant_id, kind, state, due_at, lease_until, holder, target) ON es.lanes TO simpul_system;
GRANT SELECT (tenant_id, state, due_at, lease_until, holder) ON es.notices TO simpul_system;

-- Everything the command bus must know before it runs a command, in one call: the tenant's switches, the actor's
-- permissions, and the answer if this command already had its effect.
CREATE FUNCTION es.gate(p_tenant uuid, p_actor uuid, p_command uuid)
RETURNS TABLE (known boolean, panel_locked boolean, disabled boolean, features text[], permissions text[],
               fingerprint bytea, last_seq bigint, answer jsonb)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    RETURN QUERY
    SELECT t.tenant_id IS NOT NULL, coalesce(t.panel_locked, false), coalesce(t.disabled, false),
           coalesce(t.features, '{}'), coalesce(a.permissions, '{}'), c.fingerprint, c.last_seq, c.answer
    FROM (SELECT 1) AS one
    LEFT JOIN es.access_tenants t ON t.tenant_id = p_tenant
    LEFT JOIN es.access_actors a ON a.tenant_id = p_tenant AND a.actor = p_actor
    LEFT JOIN es.commands c ON c.tenant_id = p_tenant AND c.command_id = p_command;
END
$$;
REVOKE ALL ON FUNCTION es.gate(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.gate(uuid, uuid, uuid) TO simpul_app;

-- Takes up to p_wanted points, at least p_least or none. A budget that was never used, or not for so long that it
-- must be full, needs no row.
CREATE FUNCTION es.withdraw(p_tenant uuid, p_scope text, p_least bigint, p_wanted bigint, p_capacity bigint,
                            p_per_minute bigint, p_now timestamptz)
RETURNS TABLE (granted bigint, remaining bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter    text := set_config('app.tenant_id', p_tenant::text, true);
    v_points   double precision;
    v_granted  bigint;
BEGIN
    INSERT INTO es.budgets AS b (tenant_id, scope, points, refilled_at)
    VALUES (p_tenant, p_scope, p_capacity, p_now)
    ON CONFLICT ON CONSTRAINT budgets_pkey DO UPDATE
    SET points = least(p_capacity, b.points
                       + greatest(0, extract(epoch FROM p_now - b.refilled_at)) * p_per_minute / 60),
        refilled_at = greatest(b.refilled_at, p_now)
    RETURNING points INTO v_points;
    v_granted := CASE WHEN v_points < p_least THEN 0 ELSE least(p_wanted, floor(v_points)) END;
    UPDATE es.budgets SET points = points - v_granted WHERE tenant_id = p_tenant AND scope = p_scope;
    DELETE FROM es.budgets WHERE (tenant_id, scope) IN (
        SELECT tenant_id, scope FROM es.budgets
        WHERE tenant_id = p_tenant AND refilled_at < p_now - interval '1 hour' LIMIT 2 FOR UPDATE SKIP LOCKED);
    RETURN QUERY SELECT v_granted, floor(v_points)::bigint - v_granted;
END
$$;
REVOKE ALL ON FUNCTION es.withdraw(uuid, text, bigint, bigint, bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.withdraw(uuid, text, bigint, bigint, bigint, bigint, timestamptz) TO simpul_app;
