-- Service lines as staff and customers see them, with what is proved about their router.
CREATE SCHEMA rm_subscriptions_v1;

CREATE TABLE rm_subscriptions_v1.subscriptions (
    tenant_id          uuid NOT NULL,
    subscription_id    uuid NOT NULL,
    customer_id        uuid NOT NULL,
    plan_id            uuid NOT NULL,
    plan_name          text NOT NULL,
    download_kbps      integer NOT NULL,
    upload_kbps        integer NOT NULL,
    price              bigint NOT NULL,
    router_id          uuid NOT NULL,
    username           text NOT NULL,
    due_day            smallint NOT NULL,
    zone               text NOT NULL,
    installed_on       date NOT NULL,
    status             text NOT NULL,
    status_reason      text,
    status_since       timestamptz NOT NULL,
    opened_at          timestamptz NOT NULL,
    activated_at       timestamptz,
    isolated_since     timestamptz,
    overdue            jsonb NOT NULL,
    desired_version    bigint NOT NULL,
    confirmed_version  bigint NOT NULL,
    confirmed_access   text,
    confirmed_at       timestamptz,
    failure_kind       text,
    failure_version    bigint,
    failed_attempts    integer NOT NULL,
    failed_at          timestamptz,
    next_try_at        timestamptz,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (tenant_id, subscription_id)
);
CREATE INDEX subscriptions_opened_idx
    ON rm_subscriptions_v1.subscriptions (tenant_id, opened_at DESC, subscription_id DESC);
CREATE INDEX subscriptions_status_idx
    ON rm_subscriptions_v1.subscriptions (tenant_id, status, opened_at DESC, subscription_id DESC);
CREATE INDEX subscriptions_customer_idx
    ON rm_subscriptions_v1.subscriptions (tenant_id, customer_id, opened_at DESC, subscription_id DESC);
CREATE INDEX subscriptions_router_idx
    ON rm_subscriptions_v1.subscriptions (tenant_id, router_id, opened_at DESC, subscription_id DESC);

SELECT es.protect_read_model('rm_subscriptions_v1');
INSERT INTO es.projections VALUES ('subscriptions', 1, 'live');
