-- What routers should hold, and how they are reached. Secrets are ciphertext.
CREATE SCHEMA rm_desired_v1;

CREATE TABLE rm_desired_v1.services (
    tenant_id        uuid NOT NULL,
    subscription_id  uuid NOT NULL,
    router_id        uuid NOT NULL,
    status           text NOT NULL,
    username         text NOT NULL,
    secret           text NOT NULL,
    secret_seq       bigint NOT NULL,
    profile          text NOT NULL,
    changed_seq      bigint NOT NULL,
    CONSTRAINT services_pkey PRIMARY KEY (tenant_id, subscription_id)
);
CREATE INDEX services_router_idx ON rm_desired_v1.services (tenant_id, router_id, subscription_id);

-- How the tenant isolates; one row.
CREATE TABLE rm_desired_v1.isolir (
    tenant_id    uuid NOT NULL,
    strategy     text NOT NULL,
    profile      text NOT NULL,
    changed_seq  bigint NOT NULL,
    CONSTRAINT isolir_pkey PRIMARY KEY (tenant_id)
);

-- Routers that are reached elsewhere than before: their lines are looked at again.
CREATE TABLE rm_desired_v1.moves (
    tenant_id    uuid NOT NULL,
    router_id    uuid NOT NULL,
    changed_seq  bigint NOT NULL,
    CONSTRAINT moves_pkey PRIMARY KEY (tenant_id, router_id)
);

CREATE SCHEMA rm_routers_v1;

CREATE TABLE rm_routers_v1.routers (
    tenant_id       uuid NOT NULL,
    router_id       uuid NOT NULL,
    name            text NOT NULL,
    address         jsonb NOT NULL,
    username        text NOT NULL,
    password        text NOT NULL,
    legacy_login    boolean NOT NULL,
    serial          text,
    identity        text,
    os_version      text,
    serial_changed  boolean NOT NULL,
    identified_at   timestamptz,
    registered_at   timestamptz NOT NULL,
    retired_at      timestamptz,
    CONSTRAINT routers_pkey PRIMARY KEY (tenant_id, router_id)
);
CREATE INDEX routers_registered_idx ON rm_routers_v1.routers (tenant_id, registered_at DESC, router_id DESC);

SELECT es.protect_read_model('rm_desired_v1'), es.protect_read_model('rm_routers_v1');
INSERT INTO es.projections VALUES ('desired', 1, 'live'), ('routers', 1, 'live');
