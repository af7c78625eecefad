-- Grain: one customer number and the unified customer that it was linked to, from when until when.
-- Inputs: the same-as link.
-- Questionable: a link holds from the run that made it, whatever day a pair was known since.
SELECT
  customer_hk, source_system, source_customer_id, customer_id, method, score,
  load_ts                                                                          AS effective_from,
  LEAD(load_ts) OVER (PARTITION BY customer_hk ORDER BY load_ts)                   AS effective_to,
  LEAD(load_ts) OVER (PARTITION BY customer_hk ORDER BY load_ts) IS NULL           AS is_current
FROM silver.customer_same_as_link
