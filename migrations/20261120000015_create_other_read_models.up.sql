-- Messages, customers, plans and the tenant itself.
CREATE SCHEMA rm_messages_v1;

CREATE TABLE rm_messages_v1.messages (
    tenant_id         uuid NOT NULL,
    message_id        uuid NOT NULL,
    kind              text NOT NULL,
    customer_id       uuid NOT NULL,
    channel           text NOT NULL,
    cause             text NOT NULL,
    invoice_id        uuid,
    subscription_id   uuid,
    template_version  integer NOT NULL,
    status            text NOT NULL,
    tries             integer NOT NULL,
    failure           text,
    provider_ids      jsonb NOT NULL,
    queued_at         timestamptz NOT NULL,
    status_at         timestamptz NOT NULL,
    CONSTRAINT messages_pkey PRIMARY KEY (tenant_id, message_id)
);
CREATE INDEX messages_queued_idx ON rm_messages_v1.messages (tenant_id, queued_at DESC, message_id DESC);
CREATE INDEX messages_customer_idx ON rm_messages_v1.messages (tenant_id, customer_id, queued_at DESC, message_id DESC);
CREATE INDEX messages_status_idx ON rm_messages_v1.messages (tenant_id, status, queued_at DESC, message_id DESC);

CREATE SCHEMA rm_customers_v1;

-- Personal fields are ciphertext; the row of an erased customer is gone.
CREATE TABLE rm_customers_v1.customers (
    tenant_id      uuid NOT NULL,
    customer_id    uuid NOT NULL,
    code           text NOT NULL,
    name           text NOT NULL,
    phone          text NOT NULL,
    email          text,
    address        text,
    registered_at  timestamptz NOT NULL,
    CONSTRAINT customers_pkey PRIMARY KEY (tenant_id, customer_id)
);
CREATE INDEX customers_registered_idx ON rm_customers_v1.customers (tenant_id, registered_at DESC, customer_id DESC);
CREATE INDEX customers_code_idx ON rm_customers_v1.customers (tenant_id, code);

CREATE SCHEMA rm_plans_v1;

CREATE TABLE rm_plans_v1.plans (
    tenant_id   uuid NOT NULL,
    plan_id     uuid NOT NULL,
    terms       jsonb NOT NULL,
    defined_at  timestamptz NOT NULL,
    retired_at  timestamptz,
    CONSTRAINT plans_pkey PRIMARY KEY (tenant_id, plan_id)
);
CREATE INDEX plans_defined_idx ON rm_plans_v1.plans (tenant_id, defined_at DESC, plan_id DESC);

CREATE SCHEMA rm_tenants_v1;

CREATE TABLE rm_tenants_v1.tenants (
    tenant_id     uuid NOT NULL,
    name          text NOT NULL,
    subdomain     text NOT NULL,
    settings      jsonb NOT NULL,
    entitlements  jsonb NOT NULL,
    lock_reason   text,
    locked_at     timestamptz,
    onboarded_at  timestamptz NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id)
);

SELECT es.protect_read_model('rm_messages_v1'), es.protect_read_model('rm_customers_v1'),
    es.protect_read_model('rm_plans_v1'), es.protect_read_model('rm_tenants_v1');
INSERT INTO es.projections VALUES ('messages', 1, 'live'), ('customers', 1, 'live'), ('plans', 1, 'live'),
    ('tenants', 1, 'live');
