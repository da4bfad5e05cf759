-- Jobs, how far they are, and what they could not do.
CREATE SCHEMA rm_jobs_v1;

CREATE TABLE rm_jobs_v1.jobs (
    tenant_id    uuid NOT NULL,
    job_id       uuid NOT NULL,
    kind         text NOT NULL,
    reason       text,
    status       text NOT NULL,
    total        integer NOT NULL,
    done         integer NOT NULL,
    failed       integer NOT NULL,
    started_by   uuid NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    version      bigint NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, job_id)
);
CREATE INDEX jobs_started_idx ON rm_jobs_v1.jobs (tenant_id, started_at DESC, job_id DESC);

CREATE TABLE rm_jobs_v1.job_failures (
    tenant_id        uuid NOT NULL,
    job_id           uuid NOT NULL,
    subscription_id  uuid NOT NULL,
    code             text NOT NULL,
    state            text,
    message          text NOT NULL,
    failed_at        timestamptz NOT NULL,
    CONSTRAINT job_failures_pkey PRIMARY KEY (tenant_id, job_id, subscription_id)
);
CREATE INDEX job_failures_failed_idx
    ON rm_jobs_v1.job_failures (tenant_id, job_id, failed_at DESC, subscription_id DESC);

SELECT es.protect_read_model('rm_jobs_v1');
INSERT INTO es.projections VALUES ('jobs', 1, 'live');
