DROP FUNCTION es.keys_of(uuid, text[]);
