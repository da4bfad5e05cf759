DROP FUNCTION es.standing_in_read_models(uuid, uuid, uuid, timestamptz, text[]);
DROP FUNCTION es.standing_at_gate(uuid, uuid, uuid, timestamptz, text);
