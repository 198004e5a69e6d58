-- `reservations_from`: of holds that ended below that seq some are gone. What was removed before this
-- was noted is not known.
ALTER TABLE partitions ADD COLUMN reservations_from bigint NOT NULL DEFAULT 0;
UPDATE partitions SET reservations_from = cursor_seq + 1;
