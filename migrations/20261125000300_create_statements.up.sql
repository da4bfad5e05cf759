-- The platform's bills as each operator's own log knows them.
CREATE SCHEMA rm_statements_v1;

CREATE TABLE rm_statements_v1.statements (
    tenant_id     uuid NOT NULL,
    invoice_id    uuid NOT NULL,
    number        text NOT NULL,
    period_from   date NOT NULL,
    period_until  date NOT NULL,
    lines         jsonb NOT NULL,
    total         bigint NOT NULL,
    outstanding   bigint NOT NULL,
    due_on        date NOT NULL,
    status        text NOT NULL,
    issued_at     timestamptz NOT NULL,
    overdue_at    timestamptz,
    settled_at    timestamptz,
    withdrawn_at  timestamptz,
    requested_at  timestamptz,
    CONSTRAINT statements_pkey PRIMARY KEY (tenant_id, invoice_id)
);
CREATE INDEX statements_issued_idx ON rm_statements_v1.statements (tenant_id, issued_at DESC, invoice_id DESC);
CREATE INDEX statements_status_idx ON rm_statements_v1.statements (tenant_id, status, issued_at DESC, invoice_id DESC);

SELECT es.protect_read_model('rm_statements_v1');
INSERT INTO es.projections VALUES ('statements', 1, 'live');
