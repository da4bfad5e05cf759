DROP FUNCTION es.gate(uuid, uuid, uuid);
DROP TABLE es.counters, es.projections, es.subject_keys, es.tenant_keys, es.access_actors, es.access_tenants, es.directory,
    es.dead_letters, es.refused_notices, es.notices, es.lanes, es.outbox, es.inbox, es.timers, es.parked, es.cursors,
    es.subscribers;
