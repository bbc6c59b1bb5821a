-- purpose: where each chain of receipts says that it ends, and the chains whose head is gone
-- reads:   publish.chain_heads, publish.receipts
-- writes:  nothing
-- run by:  publishing.chain_live

SELECT endpoint, coalesce(h.place, 0) AS place, h.hash
FROM publish.chain_heads h
FULL JOIN (SELECT DISTINCT endpoint FROM publish.receipts) AS r USING (endpoint)
ORDER BY endpoint COLLATE "C"
