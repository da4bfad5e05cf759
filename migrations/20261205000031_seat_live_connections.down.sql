DROP FUNCTION es.take_seat(uuid, uuid, uuid, uuid, bigint, bigint), es.leave_seat(uuid, uuid, uuid);
DROP TABLE es.seats;
