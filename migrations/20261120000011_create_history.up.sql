-- Who did what, when, why: one row per event, and which ids each event touches.
CREATE SCHEMA rm_history_v1;

CREATE TABLE rm_history_v1.entries (
    tenant_id       uuid NOT NULL,
    tenant_seq      bigint NOT NULL,
    event_id        text NOT NULL,
    caused_by       text,
    correlation_id  text NOT NULL,
    command_id      text,
    aggregate_type  text NOT NULL,
    aggregate_id    text NOT NULL,
    event_type      text NOT NULL,
    actor           text NOT NULL,
    impersonator    text,
    ip              text,
    user_agent      text,
    command         text,
    at              timestamptz NOT NULL,
    summary         jsonb NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (tenant_id, tenant_seq)
);
CREATE INDEX entries_event_idx ON rm_history_v1.entries (tenant_id, event_id);
CREATE INDEX entries_cause_idx ON rm_history_v1.entries (tenant_id, caused_by, tenant_seq);
CREATE INDEX entries_command_idx ON rm_history_v1.entries (tenant_id, command_id, tenant_seq);
CREATE INDEX entries_correlation_idx ON rm_history_v1.entries (tenant_id, correlation_id, tenant_seq);
CREATE INDEX entries_actor_idx ON rm_history_v1.entries (tenant_id, actor, tenant_seq DESC);
CREATE INDEX entries_people_idx ON rm_history_v1.entries (tenant_id, tenant_seq DESC) WHERE starts_with(actor, 'usr_');
CREATE INDEX entries_stream_idx ON rm_history_v1.entries (tenant_id, aggregate_type, aggregate_id, tenant_seq);

CREATE TABLE rm_history_v1.subjects (
    tenant_id   uuid NOT NULL,
    subject_id  text NOT NULL,
    tenant_seq  bigint NOT NULL,
    CONSTRAINT subjects_pkey PRIMARY KEY (tenant_id, subject_id, tenant_seq)
);

SELECT es.protect_read_model('rm_history_v1');
INSERT INTO es.projections VALUES ('history', 1, 'live');
