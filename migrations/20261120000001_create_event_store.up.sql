-- The append-only log: one gapless order per tenant under a head row, with its hash chain.
-- Roles (simpul_owner, simpul_app, simpul_system, simpul_analyst) come from docker/postgres/roles.sql.

CREATE SCHEMA app;
CREATE SCHEMA es;
REVOKE ALL ON SCHEMA app, es FROM PUBLIC;
GRANT USAGE ON SCHEMA app, es TO simpul_app, simpul_system;

-- The tenant of the running transaction; without one this raises: the roles' default for the setting is a sentence
-- that is no uuid, so that a forgotten tenant is an error and never an empty answer. One plain expression, which
-- the planner puts straight into the policies: every statement of an append pays for it.
CREATE FUNCTION app.tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.current_setting('app.tenant_id')::pg_catalog.uuid $$;

-- Sets the tenant of this transaction only. The one place that does.
CREATE FUNCTION app.enter(p_tenant uuid) RETURNS void
LANGUAGE sql VOLATILE
AS $$ SELECT set_config('app.tenant_id', p_tenant::text, true) $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA app FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tenant(), app.enter(uuid) TO simpul_app;
GRANT EXECUTE ON FUNCTION app.tenant() TO simpul_system;

-- One row per installation; the epoch changes at every restore and travels in messages (DESIGN section 3).
CREATE TABLE es.store (
    only_row    boolean PRIMARY KEY DEFAULT true CONSTRAINT store_has_one_row CHECK (only_row),
    epoch       bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO es.store DEFAULT VALUES;
GRANT SELECT ON es.store TO simpul_app, simpul_system;

CREATE TABLE es.tenant_heads (
    tenant_id  uuid PRIMARY KEY,
    seq        bigint NOT NULL,
    head       bytea NOT NULL,
    -- The last position there will ever be: of a tenant that was erased.
    last_seq   bigint,
    CONSTRAINT log_closed CHECK (seq <= last_seq)
-- Few heads on a page: each is changed by every append, and its dead versions are pruned when nobody else looks.
) WITH (fillfactor = 10);

CREATE TABLE es.events (
    tenant_id       uuid NOT NULL,
    tenant_seq      bigint NOT NULL,
    aggregate_type  text NOT NULL,
    aggregate_id    text NOT NULL,
    sequence        bigint NOT NULL,
    event_type      text NOT NULL,
    event_version   text NOT NULL,
    payload         jsonb NOT NULL,
    metadata        jsonb NOT NULL,
    event_id        uuid NOT NULL,
    recorded_at     timestamptz NOT NULL,
    event_hash      bytea NOT NULL,
    head            bytea NOT NULL,
    CONSTRAINT events_begin_at_one CHECK (tenant_seq > 0 AND sequence > 0),
    CONSTRAINT events_pkey PRIMARY KEY (tenant_id, tenant_seq),
    CONSTRAINT events_stream_key UNIQUE (tenant_id, aggregate_type, aggregate_id, sequence)
);

CREATE FUNCTION es.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE ON es.events
    FOR EACH ROW EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER events_are_never_truncated BEFORE TRUNCATE ON es.events
    FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();

CREATE TABLE es.commands (
    tenant_id    uuid NOT NULL,
    command_id   uuid NOT NULL,
    fingerprint  bytea NOT NULL,
    first_seq    bigint NOT NULL,
    last_seq     bigint NOT NULL,
    answer       jsonb NOT NULL,
    CONSTRAINT commands_pkey PRIMARY KEY (tenant_id, command_id)
);

-- Facts that are unique within a tenant: a code, a user name, an invoice period.
CREATE TABLE es.claims (
    tenant_id  uuid NOT NULL,
    scope      text NOT NULL,
    key        text NOT NULL,
    owner      text NOT NULL,
    CONSTRAINT claims_pkey PRIMARY KEY (tenant_id, scope, key)
);
CREATE INDEX claims_owner_idx ON es.claims (tenant_id, owner);

-- Counted limits. `max` is NULL for unlimited and is fed by the tenant's own events; what exceeds a lowered maximum
-- stays, and only growth is refused (es.take_claims).
CREATE TABLE es.quotas (
    tenant_id  uuid NOT NULL,
    resource   text NOT NULL,
    used       bigint NOT NULL DEFAULT 0 CONSTRAINT quotas_used_not_negative CHECK (used >= 0),
    max        bigint,
    CONSTRAINT quotas_pkey PRIMARY KEY (tenant_id, resource)
);

-- Sets that a decision reads, such as the open invoices of a customer ordered by due date.
CREATE TABLE es.members (
    tenant_id  uuid NOT NULL,
    scope      text NOT NULL,
    key        text NOT NULL,
    member     text NOT NULL,
    sort       text NOT NULL,
    CONSTRAINT members_pkey PRIMARY KEY (tenant_id, scope, key, member)
);

CREATE TABLE es.snapshots (
    tenant_id       uuid NOT NULL,
    aggregate_type  text NOT NULL,
    aggregate_id    text NOT NULL,
    sequence        bigint NOT NULL,
    state_version   integer NOT NULL,
    state           jsonb NOT NULL,
    CONSTRAINT snapshots_pkey PRIMARY KEY (tenant_id, aggregate_type, aggregate_id)
);

-- The head of a tenant's first event. Of two that come first, one waits and finds it.
CREATE FUNCTION es.begin_log(p_tenant uuid) RETURNS void
LANGUAGE sql VOLATILE
AS $$
    INSERT INTO es.tenant_heads (tenant_id, seq, head) VALUES (p_tenant, 0, sha256(uuid_send(p_tenant)))
    ON CONFLICT DO NOTHING
$$;

-- One append of a tenant at a time, until its commit. The head's row lock alone would do; those who wait for it are woken
-- to look at the row again, one after the other, which costs them twice what waiting here does.
CREATE FUNCTION es.log_key(p_tenant uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT uuid_hash_extended(p_tenant, 0) $$;

-- What a decision stands on: streams as they were read, by now, under the tenant's lock, where nobody can move them any
-- more. A stream that was only read must have got no event since. What was taken from a process' memory must stand on the
-- very event that is remembered (a server that failed over may have lost it, and others may have written in its place).
-- p_reads: [[type, id, sequence of the last event that was read, whether this append writes to it, that event's id or null]…]
CREATE FUNCTION es.expect_unmoved(p_tenant uuid, p_reads jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_read      jsonb;
    v_sequence  bigint;
    v_event     uuid;
    v_moved     boolean;
BEGIN
    -- Stream by stream, each by its whole key: one statement over all of them may be planned as a scan of the log.
    FOR v_read IN SELECT jsonb_array_elements(p_reads) LOOP
        v_sequence := v_read->>2;
        v_event := v_read->>4;
        v_moved := v_event IS NOT NULL AND NOT EXISTS (
            SELECT FROM es.events e WHERE e.tenant_id = p_tenant AND e.aggregate_type = v_read->>0
                AND e.aggregate_id = v_read->>1 AND e.sequence = v_sequence AND e.event_id = v_event
        );
        IF NOT (v_read->>3)::boolean AND NOT v_moved THEN
            v_moved := EXISTS (
                SELECT FROM es.events e WHERE e.tenant_id = p_tenant AND e.aggregate_type = v_read->>0
                    AND e.aggregate_id = v_read->>1 AND e.sequence = v_sequence + 1
            );
        END IF;
        IF v_moved THEN
            RAISE unique_violation
                USING MESSAGE = 'a stream that was read has moved', CONSTRAINT = 'events_stream_key';
        END IF;
    END LOOP;
END
$$;

-- Appends n events of any number of streams of one tenant; a text that all of them share may come once. The order
-- inside is: claims, quotas, sets -> the tenant's lock and head -> events and command record; the caller commits at once.
-- A stream that moved, written or read, raises unique_violation on events_stream_key, a repeated command on commands_pkey, a
-- taken key on claims_pkey, a full quota check_violation named quota_exceeded.
-- p_heads is the chain over p_hashes as the caller has calculated it from the head p_base at p_base_seq; it is taken if
-- that is the tenant's head, and calculated here if not.
CREATE FUNCTION es.append(
    p_tenant       uuid,
    p_command      uuid,
    p_fingerprint  bytea,
    p_answer       jsonb,
    p_metadata     jsonb,
    p_recorded_at  timestamptz,
    p_types        text[],
    p_ids          text[],
    p_sequences    bigint[],
    p_event_types  text[],
    p_versions     text[],
    p_payloads     jsonb[],
    p_event_ids    uuid[],
    p_hashes       bytea[],
    p_base_seq     bigint,
    p_base         bytea,
    p_heads        bytea[],
    p_claims       jsonb,
    p_reads        jsonb,
    OUT seq        bigint,
    OUT head       bytea
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_count    integer := cardinality(p_event_ids);
    v_first    bigint;
    v_heads    bytea[] := p_heads;
    v_hash     bytea;
    v_type     text := p_types[1];
    v_id       text := p_ids[1];
    v_event    text := p_event_types[1];
    v_version  text := p_versions[1];
    -- Of one stream the sequences have no gap.
    v_before   bigint := p_sequences[1] - 1;
    v_lock     text;
    -- As a plain expression it costs a tenth of what PERFORM does.
    v_enter    text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    IF p_claims IS NOT NULL THEN
        PERFORM es.take_claims(p_tenant, p_claims);
    END IF;
    IF v_count = 0 THEN
        SELECT coalesce((SELECT h.seq FROM es.tenant_heads h WHERE h.tenant_id = p_tenant), 0) INTO seq;
        INSERT INTO es.commands (tenant_id, command_id, fingerprint, first_seq, last_seq, answer)
        VALUES (p_tenant, p_command, p_fingerprint, seq + 1, seq, p_answer);
        RETURN;
    END IF;

    v_lock := pg_advisory_xact_lock(es.log_key(p_tenant));
    UPDATE es.tenant_heads h SET seq = h.seq + v_count, head = p_heads[v_count]
    WHERE h.tenant_id = p_tenant AND h.seq = p_base_seq AND h.head = p_base
    RETURNING h.seq - v_count, h.head INTO v_first, head;
    IF NOT FOUND THEN
        SELECT h.seq, h.head INTO v_first, head FROM es.tenant_heads h WHERE h.tenant_id = p_tenant FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            PERFORM es.begin_log(p_tenant);
            SELECT h.seq, h.head INTO v_first, head FROM es.tenant_heads h WHERE h.tenant_id = p_tenant FOR NO KEY UPDATE;
        END IF;
        seq := v_first;
        v_heads := '{}';
        FOREACH v_hash IN ARRAY p_hashes LOOP
            seq := seq + 1;
            head := sha256(head || int8send(seq) || v_hash);
            v_heads := v_heads || head;
        END LOOP;
        UPDATE es.tenant_heads h SET seq = v_first + v_count, head = v_heads[v_count] WHERE h.tenant_id = p_tenant;
    END IF;
    seq := v_first + v_count;

    IF cardinality(p_types) = 1 AND cardinality(p_ids) = 1 AND cardinality(p_event_types) = 1
        AND cardinality(p_versions) = 1
    THEN
        INSERT INTO es.events (tenant_id, tenant_seq, aggregate_type, aggregate_id, sequence, event_type,
                               event_version, payload, metadata, event_id, recorded_at, event_hash, head)
        SELECT p_tenant, v_first + e.ordinal, v_type, v_id, v_before + e.ordinal, v_event, v_version, e.payload,
               p_metadata, e.event_id, p_recorded_at, e.hash, e.head
        FROM unnest(p_payloads, p_event_ids, p_hashes, v_heads)
             WITH ORDINALITY AS e (payload, event_id, hash, head, ordinal);
    ELSE
        INSERT INTO es.events (tenant_id, tenant_seq, aggregate_type, aggregate_id, sequence, event_type,
                               event_version, payload, metadata, event_id, recorded_at, event_hash, head)
        SELECT p_tenant, v_first + e.ordinal, coalesce(e.type, v_type), coalesce(e.id, v_id),
               p_sequences[e.ordinal], coalesce(e.event_type, v_event), coalesce(e.version, v_version), e.payload,
               p_metadata, e.event_id, p_recorded_at, e.hash, e.head
        FROM unnest(p_types, p_ids, p_event_types, p_versions, p_payloads, p_event_ids, p_hashes, v_heads)
             WITH ORDINALITY AS e (type, id, event_type, version, payload, event_id, hash, head, ordinal);
    END IF;
    INSERT INTO es.commands (tenant_id, command_id, fingerprint, first_seq, last_seq, answer)
    VALUES (p_tenant, p_command, p_fingerprint, v_first + 1, seq, p_answer);
    IF p_reads IS NOT NULL THEN
        PERFORM es.expect_unmoved(p_tenant, p_reads);
    END IF;
END
$$;

-- The same for one event, which is what most commands lead to: scalars in.
CREATE FUNCTION es.append_one(
    p_tenant       uuid,
    p_command      uuid,
    p_fingerprint  bytea,
    p_answer       jsonb,
    p_metadata     jsonb,
    p_recorded_at  timestamptz,
    p_type         text,
    p_id           text,
    p_sequence     bigint,
    p_event_type   text,
    p_version      text,
    p_payload      jsonb,
    p_event_id     uuid,
    p_hash         bytea,
    p_claims       jsonb,
    p_reads        jsonb
) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_seq    bigint;
    v_head   bytea;
    v_lock   text;
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    IF p_claims IS NOT NULL THEN
        PERFORM es.take_claims(p_tenant, p_claims);
    END IF;
    v_lock := pg_advisory_xact_lock(es.log_key(p_tenant));
    LOOP
        UPDATE es.tenant_heads SET seq = seq + 1, head = sha256(head || int8send(seq + 1) || p_hash)
        WHERE tenant_id = p_tenant RETURNING seq, head INTO v_seq, v_head;
        EXIT WHEN FOUND;
        PERFORM es.begin_log(p_tenant);
    END LOOP;
    INSERT INTO es.events (tenant_id, tenant_seq, aggregate_type, aggregate_id, sequence, event_type,
                           event_version, payload, metadata, event_id, recorded_at, event_hash, head)
    VALUES (p_tenant, v_seq, p_type, p_id, p_sequence, p_event_type, p_version, p_payload, p_metadata, p_event_id,
            p_recorded_at, p_hash, v_head);
    INSERT INTO es.commands (tenant_id, command_id, fingerprint, first_seq, last_seq, answer)
    VALUES (p_tenant, p_command, p_fingerprint, v_seq, v_seq, p_answer);
    IF p_reads IS NOT NULL THEN
        PERFORM es.expect_unmoved(p_tenant, p_reads);
    END IF;
    RETURN v_seq;
END
$$;

-- p_claims: {"take": [[scope, key, owner]…], "release": [[scope, key]…], "quota": [[resource, delta]…],
--            "add": [[scope, key, member, sort]…], "drop": [[scope, key, member]…]}
-- Row-level security keeps the values of a violated constraint to itself, so refusals are raised here with the
-- scope or resource as their detail. Everything is taken in key order: no two appends wait for each other.
CREATE FUNCTION es.take_claims(p_tenant uuid, p_claims jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_refused  text;
    v_move     record;
BEGIN
    DELETE FROM es.claims c USING jsonb_array_elements(p_claims->'release') AS r
    WHERE c.tenant_id = p_tenant AND c.scope = r->>0 AND c.key = r->>1;

    WITH wanted AS (
        SELECT t->>0 AS scope, t->>1 AS key, t->>2 AS owner FROM jsonb_array_elements(p_claims->'take') AS t
    ), taken AS (
        INSERT INTO es.claims (tenant_id, scope, key, owner)
        SELECT p_tenant, w.scope, w.key, w.owner FROM wanted w ORDER BY w.scope, w.key
        ON CONFLICT ON CONSTRAINT claims_pkey DO NOTHING RETURNING scope, key, owner
    )
    SELECT scope INTO v_refused FROM (TABLE wanted EXCEPT TABLE taken) AS refused ORDER BY scope LIMIT 1;
    IF FOUND THEN
        RAISE unique_violation USING MESSAGE = 'a claim is taken', CONSTRAINT = 'claims_pkey', DETAIL = v_refused;
    END IF;

    FOR v_move IN
        SELECT d->>0 AS resource, sum((d->>1)::bigint)::bigint AS delta
        FROM jsonb_array_elements(p_claims->'quota') AS d GROUP BY 1 ORDER BY 1
    LOOP
        INSERT INTO es.quotas AS q (tenant_id, resource, used)
        VALUES (p_tenant, v_move.resource, greatest(v_move.delta, 0))
        ON CONFLICT ON CONSTRAINT quotas_pkey DO UPDATE SET used = q.used + v_move.delta
        WHERE v_move.delta <= 0 OR q.max IS NULL OR q.used + v_move.delta <= q.max;
        IF NOT FOUND THEN
            RAISE check_violation USING MESSAGE = 'a quota is exceeded', CONSTRAINT = 'quota_exceeded',
                DETAIL = (SELECT jsonb_build_object('resource', q.resource, 'used', q.used, 'limit', q.max)
                          FROM es.quotas q WHERE q.tenant_id = p_tenant AND q.resource = v_move.resource);
        END IF;
    END LOOP;

    DELETE FROM es.members m USING jsonb_array_elements(p_claims->'drop') AS d
    WHERE m.tenant_id = p_tenant AND m.scope = d->>0 AND m.key = d->>1 AND m.member = d->>2;
    INSERT INTO es.members (tenant_id, scope, key, member, sort)
    SELECT DISTINCT ON (2, 3, 4) p_tenant, a.row->>0, a.row->>1, a.row->>2, a.row->>3
    FROM jsonb_array_elements(p_claims->'add') WITH ORDINALITY AS a (row, ordinal)
    ORDER BY 2, 3, 4, a.ordinal DESC
    ON CONFLICT ON CONSTRAINT members_pkey DO UPDATE SET sort = excluded.sort;
END
$$;

-- The events of one stream after a sequence, or after its snapshot of the wanted state version, which then comes first: a
-- row without an event type, whose payload is the state.
CREATE FUNCTION es.load(p_tenant uuid, p_type text, p_id text, p_after bigint, p_state_version integer)
RETURNS TABLE (sequence bigint, event_type text, event_version text, payload jsonb)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_after  bigint := p_after;
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    IF p_state_version IS NOT NULL THEN
        SELECT s.sequence, s.state INTO sequence, payload FROM es.snapshots s
        WHERE s.tenant_id = p_tenant AND s.aggregate_type = p_type AND s.aggregate_id = p_id
            AND s.state_version = p_state_version AND s.sequence > p_after;
        IF FOUND THEN
            v_after := sequence;
            RETURN NEXT;
        END IF;
    END IF;
    RETURN QUERY
    SELECT e.sequence, e.event_type, e.event_version, e.payload
    FROM es.events e
    WHERE e.tenant_id = p_tenant AND e.aggregate_type = p_type AND e.aggregate_id = p_id AND e.sequence > v_after
    ORDER BY e.sequence;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA es FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA es TO simpul_app;

-- Rows of the running transaction's tenant, and nothing else.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['tenant_heads', 'events', 'commands', 'claims', 'quotas', 'members', 'snapshots'] LOOP
        EXECUTE format('ALTER TABLE es.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE es.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY own_tenant ON es.%I TO simpul_app
                        USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()))',
                       v_table);
    END LOOP;
END
$$;
GRANT SELECT, INSERT ON es.events, es.commands TO simpul_app;
GRANT SELECT, INSERT, UPDATE ON es.tenant_heads TO simpul_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON es.claims, es.quotas, es.members, es.snapshots TO simpul_app;

-- Heads carry no payload: the subscription runtime finds work over all tenants with them.
CREATE POLICY all_heads ON es.tenant_heads FOR SELECT TO simpul_system USING (true);
GRANT SELECT ON es.tenant_heads TO simpul_system;
