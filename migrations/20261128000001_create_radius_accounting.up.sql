-- What routers tell by RADIUS accounting: where each session stands between its events, and every record once (ADR 73).

-- What is known of a router. Its version is that of everything about it here: whoever has read an older one decides again.
CREATE TABLE es.radius_routers (
    tenant_id     uuid NOT NULL,
    router_id     uuid NOT NULL,
    restarted_at  timestamptz,
    heard_at      timestamptz NOT NULL,
    heard_since   timestamptz NOT NULL,
    version       bigint NOT NULL,
    CONSTRAINT radius_routers_pkey PRIMARY KEY (tenant_id, router_id)
) WITH (fillfactor = 50);

-- One row for each session. Who it is of is sealed with the key of the line's customer, or of the router where nobody has
-- the name; a caller is known again by a keyed hash.
CREATE TABLE es.radius_sessions (
    tenant_id        uuid NOT NULL,
    session_id       uuid NOT NULL,
    router_id        uuid NOT NULL,
    subscription_id  uuid,
    caller           text,
    who              text,
    started_at       timestamptz NOT NULL,
    start_told       boolean NOT NULL,
    last_at          timestamptz NOT NULL,
    heard_at         timestamptz NOT NULL,
    seconds          bigint NOT NULL,
    input_octets     bigint NOT NULL,
    output_octets    bigint NOT NULL,
    -- The newest readings of counters that can wrap.
    readings         jsonb,
    said_at          timestamptz NOT NULL,
    said_seconds     bigint NOT NULL,
    said_input       bigint NOT NULL,
    said_output      bigint NOT NULL,
    cause            text,
    told_at          timestamptz,
    CONSTRAINT radius_sessions_pkey PRIMARY KEY (tenant_id, session_id),
    CONSTRAINT radius_sessions_end CHECK (told_at IS NULL OR cause IS NOT NULL)
-- Every interim changes a row and no column that is indexed.
) WITH (fillfactor = 80);
-- With the caller: a busy router has thousands open, and one of them is asked for.
CREATE INDEX radius_sessions_open_idx ON es.radius_sessions (tenant_id, router_id, caller) WHERE cause IS NULL;
CREATE INDEX radius_sessions_caller_idx ON es.radius_sessions (tenant_id, router_id, caller, started_at);
CREATE INDEX radius_sessions_over_idx ON es.radius_sessions (tenant_id, started_at) WHERE cause IS NOT NULL;

-- Every record that was taken, once: for disputes. By day (UTC) of the router's time, made as they are needed and dropped
-- whole.
CREATE TABLE es.radius_samples (
    tenant_id      uuid NOT NULL,
    at             timestamptz NOT NULL,
    router_id      uuid NOT NULL,
    -- None of a record about the router itself.
    session_id     uuid,
    kind           text NOT NULL,
    seconds        bigint,
    input_octets   bigint,
    output_octets  bigint,
    cause          text,
    heard_at       timestamptz NOT NULL,
    CONSTRAINT radius_samples_key
        UNIQUE NULLS NOT DISTINCT (tenant_id, at, router_id, session_id, kind, seconds, input_octets, output_octets)
) PARTITION BY RANGE (at);

-- Makes the partitions of these days that are missing. The owner's: whoever serves creates nothing. A partition is reached
-- through its table only.
CREATE FUNCTION es.keep_radius_samples(p_days date[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    v_day   date;
    v_name  text;
BEGIN
    FOREACH v_day IN ARRAY p_days LOOP
        v_name := 'radius_samples_' || to_char(v_day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('es.' || v_name) IS NOT NULL;
        -- One makes it, the others wait and find it.
        PERFORM pg_advisory_xact_lock(hashtextextended('es.radius_samples', 0));
        CONTINUE WHEN to_regclass('es.' || v_name) IS NOT NULL;
        EXECUTE format('CREATE TABLE es.%I (LIKE es.radius_samples INCLUDING ALL)', v_name);
        EXECUTE format('ALTER TABLE es.%I ENABLE ROW LEVEL SECURITY', v_name);
        EXECUTE format('ALTER TABLE es.%I FORCE ROW LEVEL SECURITY', v_name);
        -- Attached, not created as one: that would make all others wait.
        EXECUTE format('ALTER TABLE es.radius_samples ATTACH PARTITION es.%I FOR VALUES FROM (%L) TO (%L)', v_name,
                       v_day::timestamp AT TIME ZONE 'UTC', (v_day + 1)::timestamp AT TIME ZONE 'UTC');
    END LOOP;
END
$$;

-- Drops the partitions of days before this one. Returns how many there were.
CREATE FUNCTION es.drop_radius_samples(p_before date) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    v_name   text;
    v_count  bigint := 0;
BEGIN
    FOR v_name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'es.radius_samples'::regclass
          AND c.relname < 'radius_samples_' || to_char(p_before, 'YYYYMMDD')
        ORDER BY 1
    LOOP
        EXECUTE format('DROP TABLE es.%I', v_name);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$$;
REVOKE ALL ON FUNCTION es.keep_radius_samples(date[]), es.drop_radius_samples(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.keep_radius_samples(date[]) TO simpul_app, simpul_system;
GRANT EXECUTE ON FUNCTION es.drop_radius_samples(date) TO simpul_system;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['radius_routers', 'radius_sessions', 'radius_samples'] LOOP
        EXECUTE format('ALTER TABLE es.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE es.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY own_tenant ON es.%I TO simpul_app
                        USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()))',
                       v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON es.%I TO simpul_app', v_table);
    END LOOP;
END
$$;

-- For analysts: ids, times and octets; never who it was.
CREATE POLICY analysts_tenant ON es.radius_sessions FOR SELECT TO simpul_analyst
    USING (tenant_id = (SELECT app.analyst_tenant()));
GRANT SELECT (tenant_id, session_id, router_id, subscription_id, started_at, start_told, last_at, seconds, input_octets,
              output_octets, cause, told_at)
    ON es.radius_sessions TO simpul_analyst;
CREATE VIEW analytics.radius_sessions WITH (security_invoker = true) AS
SELECT session_id, router_id, subscription_id, started_at, start_told,
       CASE WHEN cause IS NULL THEN 'open' ELSE 'over' END AS status, last_at,
       CASE WHEN cause IS NOT NULL THEN coalesce(told_at, last_at) END AS stopped_at, cause, seconds, input_octets,
       output_octets
FROM es.radius_sessions;
GRANT SELECT ON analytics.radius_sessions TO simpul_analyst;
