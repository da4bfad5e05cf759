DROP FUNCTION es.move_cursor(uuid, text, bigint, bigint, bigint, timestamptz, boolean);
