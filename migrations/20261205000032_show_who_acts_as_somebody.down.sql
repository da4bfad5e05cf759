DROP INDEX rm_history_v1.entries_people_idx;
CREATE INDEX entries_people_idx ON rm_history_v1.entries (tenant_id, tenant_seq DESC) WHERE starts_with(actor, 'usr_');
