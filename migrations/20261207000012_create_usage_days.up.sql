-- How much of what is counted a tenant had, day by day.
CREATE SCHEMA rm_usage_v1;

-- One row for each day on which something came or went, and for the first one; days between are like the end of the row before.
CREATE TABLE rm_usage_v1.usage_days (
    tenant_id  uuid NOT NULL,
    resource   text NOT NULL,
    day        date NOT NULL,
    peak       bigint NOT NULL,
    at_end     bigint NOT NULL,
    CONSTRAINT usage_days_pkey PRIMARY KEY (tenant_id, resource, day)
);

-- Where days of the tenant begin; one row.
CREATE TABLE rm_usage_v1.usage_zones (
    tenant_id  uuid NOT NULL,
    zone       text NOT NULL,
    CONSTRAINT usage_zones_pkey PRIMARY KEY (tenant_id)
);

SELECT es.protect_read_model('rm_usage_v1');
INSERT INTO es.projections VALUES ('usage', 1, 'live');
