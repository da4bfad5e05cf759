-- The platform's tenants, plans and add-ons, from the platform's own log; and each tenant's orders, from its log.
CREATE SCHEMA rm_accounts_v1;

CREATE TABLE rm_accounts_v1.accounts (
    tenant_id    uuid NOT NULL,
    account_id   uuid NOT NULL,
    name         text NOT NULL,
    subdomain    text NOT NULL,
    status       text NOT NULL,
    plan         text NOT NULL,
    locked       boolean NOT NULL,
    -- Orders that wait for a super admin.
    pending      integer NOT NULL,
    account      jsonb NOT NULL,
    opened_at    timestamptz NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, account_id)
);
CREATE INDEX accounts_opened_idx ON rm_accounts_v1.accounts (tenant_id, opened_at DESC, account_id DESC);
CREATE INDEX accounts_status_idx ON rm_accounts_v1.accounts (tenant_id, status, opened_at DESC, account_id DESC);
CREATE INDEX accounts_plan_idx ON rm_accounts_v1.accounts (tenant_id, plan, opened_at DESC, account_id DESC);
CREATE INDEX accounts_pending_idx ON rm_accounts_v1.accounts (tenant_id, opened_at) WHERE pending > 0;

CREATE SCHEMA rm_offers_v1;

CREATE TABLE rm_offers_v1.platform_plans (
    tenant_id  uuid NOT NULL,
    key        text NOT NULL,
    terms      jsonb NOT NULL,
    CONSTRAINT platform_plans_pkey PRIMARY KEY (tenant_id, key)
);
CREATE TABLE rm_offers_v1.add_ons (
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    terms       jsonb NOT NULL,
    retired_at  timestamptz,
    CONSTRAINT add_ons_pkey PRIMARY KEY (tenant_id, key)
);

CREATE SCHEMA rm_add_on_orders_v1;

CREATE TABLE rm_add_on_orders_v1.add_on_orders (
    tenant_id   uuid NOT NULL,
    order_id    uuid NOT NULL,
    key         text NOT NULL,
    quantity    integer NOT NULL,
    status      text NOT NULL,
    reason      text,
    ends_at     timestamptz,
    placed_at   timestamptz NOT NULL,
    settled_at  timestamptz,
    CONSTRAINT add_on_orders_pkey PRIMARY KEY (tenant_id, order_id)
);
CREATE INDEX add_on_orders_placed_idx ON rm_add_on_orders_v1.add_on_orders (tenant_id, placed_at DESC, order_id DESC);

SELECT es.protect_read_model('rm_accounts_v1'), es.protect_read_model('rm_offers_v1'),
    es.protect_read_model('rm_add_on_orders_v1');
INSERT INTO es.projections VALUES ('accounts', 1, 'live'), ('offers', 1, 'live'), ('add_on_orders', 1, 'live');
