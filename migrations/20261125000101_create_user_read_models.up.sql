-- Users and roles as lists. Names and addresses are ciphertext.
CREATE SCHEMA rm_users_v1;

CREATE TABLE rm_users_v1.users (
    tenant_id      uuid NOT NULL,
    user_id        uuid NOT NULL,
    customer_id    uuid,
    email          text NOT NULL,
    name           text NOT NULL,
    roles          text[] NOT NULL,
    status         text NOT NULL,
    second_factor  boolean NOT NULL,
    pv             bigint NOT NULL,
    invited_at     timestamptz NOT NULL,
    joined_at      timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX users_invited_idx ON rm_users_v1.users (tenant_id, invited_at DESC, user_id DESC);

CREATE SCHEMA rm_roles_v1;

CREATE TABLE rm_roles_v1.roles (
    tenant_id    uuid NOT NULL,
    role_id      uuid NOT NULL,
    name         text NOT NULL,
    permissions  text[] NOT NULL,
    defined_at   timestamptz NOT NULL,
    retired_at   timestamptz,
    CONSTRAINT roles_pkey PRIMARY KEY (tenant_id, role_id)
);
CREATE INDEX roles_defined_idx ON rm_roles_v1.roles (tenant_id, defined_at DESC, role_id DESC);

SELECT es.protect_read_model('rm_users_v1'), es.protect_read_model('rm_roles_v1');
INSERT INTO es.projections VALUES ('users', 1, 'live'), ('roles', 1, 'live');
