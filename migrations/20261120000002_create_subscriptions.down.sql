DROP FUNCTION es.withdraw(uuid, text, bigint, bigint, bigint, bigint, timestamptz);
DROP FUNCTION es.gate(uuid, uuid, uuid);
REVOKE DELETE ON es.commands FROM simpul_app;
DROP TRIGGER commands_with_effect_are_kept ON es.commands;
DROP FUNCTION es.keep_command();
DROP TABLE es.budgets, es.counters, es.projections, es.subject_keys, es.tenant_keys, es.access_actors, es.access_tenants, es.directory,
    es.idle_commands, es.dead_letters, es.refused_notices, es.notices, es.lanes, es.outbox, es.inbox, es.timers, es.parked, es.cursors,
    es.subscribers;
