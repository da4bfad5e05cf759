-- What a super admin does as a tenant's user is a person's doing, from the session on that begins it.
DROP INDEX rm_history_v1.entries_people_idx;
CREATE INDEX entries_people_idx ON rm_history_v1.entries (tenant_id, tenant_seq DESC)
    WHERE starts_with(actor, 'usr_') OR impersonator IS NOT NULL;
