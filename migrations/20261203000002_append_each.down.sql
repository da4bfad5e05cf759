DROP FUNCTION es.append_each(uuid, uuid[], bytea[], jsonb[], jsonb[], timestamptz[], text[], text[], bigint[],
                             text[], text[], jsonb[], uuid[], bytea[], jsonb, jsonb);
