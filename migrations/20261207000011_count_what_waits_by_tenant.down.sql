DROP FUNCTION es.readers_of(uuid[]);
DROP FUNCTION es.targets_of(uuid[], text);
DROP FUNCTION es.queues_of(uuid[], timestamptz);
REVOKE SELECT ON es.subscribers FROM simpul_app;
