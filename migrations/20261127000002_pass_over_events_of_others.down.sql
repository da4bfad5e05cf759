DROP FUNCTION es.pass_over(uuid, text, text[], text[], text, bigint, timestamptz, bigint);
