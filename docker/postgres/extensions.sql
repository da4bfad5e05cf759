-- Extensions that only a superuser may create; run in the database itself (./dev: in template1). Trusted ones
-- (pg_trgm, btree_gist, …) are created by migrations.
CREATE EXTENSION IF NOT EXISTS postgis;
