DROP FUNCTION es.gate(uuid, uuid, uuid, text);
