-- Backups of the whole store, from the platform's own log.
CREATE SCHEMA rm_backups_v1;

CREATE TABLE rm_backups_v1.backups (
    tenant_id    uuid NOT NULL,
    backup_id    uuid NOT NULL,
    status       text NOT NULL,
    name         text,
    -- The instant that it shows; of one that failed, when it did.
    taken_at     timestamptz NOT NULL,
    size_bytes   bigint,
    events       bigint,
    reason       text,
    verified_at  timestamptz,
    restored_at  timestamptz,
    CONSTRAINT backups_pkey PRIMARY KEY (tenant_id, backup_id)
);
CREATE INDEX backups_taken_idx ON rm_backups_v1.backups (tenant_id, taken_at DESC, backup_id DESC);

SELECT es.protect_read_model('rm_backups_v1');
INSERT INTO es.projections VALUES ('backups', 1, 'live');
