-- purpose: what a sender that is gone left claimed may or may not have arrived: it is in doubt
-- reads:   nothing
-- writes:  publish.outbox
-- run by:  publishing, once, when a sender starts

UPDATE publish.outbox
SET state = 'in_doubt', next_attempt_at = clock_timestamp(), reason = 'lần gửi trước dừng giữa chừng'
WHERE endpoint = %(endpoint)s AND state = 'claimed'
