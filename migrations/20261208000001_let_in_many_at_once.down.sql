DROP FUNCTION es.standings_at_gate(uuid, uuid[], uuid[], text[], timestamptz);
