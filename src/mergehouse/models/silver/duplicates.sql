-- Grain: one delivered order line in the place of which another one counts, or none.
-- Inputs: order lines, the ledger, what the brands say of their deliveries.
-- Questionable: what makes a line the same fact. Where the brand numbers its lines, the number decides, so that corrections
-- count. Where it does not, everything the line says does, so two lines of one order with the same product stay two. Of the
-- same fact the last version counts that can be used or that a rule leaves out; an unusable one replaces nothing, and a row
-- without an order, such as a total, is no version of another. Of the row that counts all lines do, of a replaced row none.
-- A delivery takes the place of earlier ones of its own source alone: goods and refunds, or postage from order headers, that
-- come in files of their own are no versions of one another. A 64-bit hash of a part only finds candidates.
WITH hashed AS (
  SELECT
    batch_id, source_row, line_part,
    XXHASH64(STRUCT(
      source_system, order_id, line_id, CASE WHEN line_id IS NULL THEN STRUCT(product_code, quantity, order_ts) END
    )) AS fact_hash
  FROM silver.order_lines
  WHERE reason_code IS NULL OR (order_id IS NOT NULL AND (reason_code = 'left_out' OR line_id IS NOT NULL))
),
sources AS ( /* none where no deliveries replace anything: then no line is looked up in them */
  SELECT DISTINCT b.batch_id, b.source_table
  FROM bronze.batches AS b
  JOIN mapping.order_rules AS r ON r.source_system = b.source_system AND r.replaces IN ('order', 'day', 'period')
),
order_deliveries AS (
  SELECT
    l.source_system, l.order_id, s.source_table,
    MAX_BY(l.batch_id, STRUCT(COALESCE(l.version, ''), l.ingest_ts))  AS batch_id,
    MAX_BY(l.ingest_ts, STRUCT(COALESCE(l.version, ''), l.ingest_ts)) AS ingest_ts
  FROM silver.order_lines AS l
  JOIN mapping.order_rules AS r ON r.source_system = l.source_system AND r.replaces = 'order'
  JOIN sources AS s ON s.batch_id = l.batch_id
  WHERE l.reason_code IS NULL OR l.reason_code = 'left_out'
  GROUP BY l.source_system, l.order_id, s.source_table
),
replaced AS (
  SELECT l.batch_id, l.source_row, l.line_part, o.batch_id AS counting_batch_id
  FROM silver.order_lines AS l
  JOIN order_deliveries AS o ON o.source_system = l.source_system AND o.order_id = l.order_id AND o.batch_id <> l.batch_id
  JOIN sources AS s ON s.batch_id = l.batch_id AND s.source_table = o.source_table
  WHERE l.reason_code IS NULL OR l.reason_code = 'left_out' OR l.ingest_ts < o.ingest_ts
  UNION ALL
  SELECT l.batch_id, l.source_row, l.line_part, d.batch_id
  FROM silver.order_lines AS l
  JOIN silver.day_deliveries AS d
    ON d.source_system = l.source_system AND d.order_date = l.order_date AND d.batch_id <> l.batch_id
  JOIN sources AS s ON s.batch_id = l.batch_id AND s.source_table = d.source_table
  WHERE l.reason_code IS NULL OR (l.order_id IS NOT NULL AND (l.reason_code = 'left_out' OR l.ingest_ts < d.ingest_ts))
),
repeated AS (
  SELECT h.batch_id, h.source_row, h.line_part
  FROM hashed AS h
  JOIN (SELECT fact_hash FROM hashed GROUP BY fact_hash HAVING COUNT(*) > 1) AS c ON c.fact_hash = h.fact_hash
),
candidates AS (
  SELECT
    l.*,
    b.source_table,
    r.repeats,
    r.marks_deletions = 'true'                          AS is_of_changes,
    p.counting_batch_id,
    p.batch_id IS NOT NULL                              AS is_replaced,
    l.reason_code IS NULL OR l.reason_code = 'left_out' AS is_usable,
    COALESCE(l.amount_original < 0 OR l.quantity < 0 OR l.unit_price < 0, FALSE) OR l.is_cancellation AS is_return,
    STRUCT(COALESCE(l.version, '') AS version, l.ingest_ts, l.source_row) AS age,
    CASE WHEN l.line_id IS NULL THEN STRUCT(
      l.order_ts, l.product_code, FOLDED(l.product_name) AS product_name, l.quantity, l.unit_price, l.amount,
      l.customer_code, l.country, l.channel, l.currency, l.is_cancellation
    ) END                  AS said
  FROM silver.order_lines AS l
  JOIN (SELECT batch_id, source_row, line_part FROM repeated UNION SELECT batch_id, source_row, line_part FROM replaced) AS c
    ON c.batch_id = l.batch_id AND c.source_row = l.source_row AND c.line_part = l.line_part
  JOIN mapping.order_rules AS r ON r.source_system = l.source_system
  JOIN (SELECT DISTINCT batch_id, source_table FROM bronze.batches) AS b ON b.batch_id = l.batch_id
  LEFT JOIN replaced AS p ON p.batch_id = l.batch_id AND p.source_row = l.source_row AND p.line_part = l.line_part
),
occurrences AS (
  SELECT
    batch_id, source_row, line_part,
    ROW_NUMBER() OVER (PARTITION BY source_system, order_id, said, batch_id ORDER BY source_row) AS occurrence
  FROM candidates
  WHERE repeats = 'genuine' AND line_id IS NULL
),
ranked AS (
  SELECT
    c.*,
    FIRST_VALUE(c.batch_id) OVER rows_of_fact         AS kept_batch_id,
    FIRST_VALUE(c.source_row) OVER rows_of_fact       AS kept_source_row,
    FIRST_VALUE(c.order_date) OVER rows_of_fact       AS kept_date,
    FIRST_VALUE(c.order_ts) OVER rows_of_fact         AS kept_ts,
    FIRST_VALUE(c.customer_code) OVER rows_of_fact    AS kept_customer,
    FIRST_VALUE(c.product_code) OVER rows_of_fact     AS kept_product,
    FIRST_VALUE(c.source_table) OVER rows_of_fact     AS kept_source_table,
    FIRST_VALUE(c.age) OVER rows_of_fact              AS kept_age,
    FIRST_VALUE(c.line_part) OVER rows_of_fact        AS kept_line_part,
    ROW_NUMBER() OVER rows_of_fact                    AS place
  FROM candidates AS c
  LEFT JOIN occurrences AS n ON n.batch_id = c.batch_id AND n.source_row = c.source_row AND n.line_part = c.line_part
  WINDOW
    rows_of_fact AS (
      PARTITION BY c.source_system, c.order_id, c.line_id, c.said, n.occurrence
      ORDER BY c.is_replaced, c.is_usable DESC, c.age DESC, c.source_table DESC, c.batch_id, c.line_part
    )
),
dated AS (
  SELECT
    *,
    FIRST_VALUE(age) OVER versions                    AS last_age,
    FIRST_VALUE(amount_original) OVER versions        AS last_amount,
    FIRST_VALUE(product_code) OVER versions           AS last_product,
    FIRST_VALUE(reason_code) OVER versions            AS last_reason,
    FIRST_VALUE(is_return) OVER versions              AS last_is_return
  FROM ranked
  WINDOW
    versions AS ( -- of a part of one fact, which the line that counts stands for: few columns tell it apart
      PARTITION BY kept_batch_id, kept_source_row, kept_line_part, line_part
      ORDER BY place
    )
)
SELECT
  source_system,
  batch_id,
  source_row,
  line_part,
  CASE WHEN is_of_last_row THEN counting_batch_id ELSE kept_batch_id END     AS kept_batch_id,
  CASE WHEN NOT is_of_last_row THEN kept_source_row END                      AS kept_source_row,
  order_id,
  order_date,
  amount_original,
  currency,
  CASE
    WHEN is_of_last_row OR last_age <> kept_age THEN 'superseded' -- no such line is in what counts
    WHEN last_reason IS DISTINCT FROM reason_code THEN 'superseded'
    WHEN last_amount IS DISTINCT FROM amount_original OR last_product IS DISTINCT FROM product_code THEN 'superseded'
    WHEN batch_id = kept_batch_id THEN 'within_delivery'
    ELSE 'across_deliveries'
  END                                                                        AS kind,
  COALESCE(
    kept_date <> order_date
    OR (kept_customer <> customer_code AND NOT is_of_other_customer)
    OR (last_product <> product_code AND batch_id = kept_batch_id AND last_age.version = age.version AND NOT is_replaced)
    -- parts of a line that are shipped or paid apart; a file that marks what is deleted tells of changes
    OR (last_amount <> amount_original AND batch_id = kept_batch_id AND last_age.version = age.version AND NOT is_replaced
      AND reason_code IS NULL AND last_reason IS NULL AND NOT is_of_changes)
    -- a correction changes what was sold, or when; nothing of either is left of two receipts with one number
    OR (kept_batch_id <> batch_id AND last_product <> product_code AND kept_ts <> order_ts AND NOT is_replaced)
    OR (kept_source_table <> source_table AND (kept_product <> product_code OR kept_ts <> order_ts))
    -- of a sale and its refund, with one number, the refund alone would count
    OR (last_is_return AND last_reason IS NULL AND NOT is_return AND amount_original > 0 AND line_class IS NULL AND NOT is_replaced),
    FALSE
  )                                                                          AS is_of_other_order,
  is_of_other_customer
FROM (
  SELECT
    *,
    batch_id = kept_batch_id AND source_row = kept_source_row AS is_of_last_row,
    COALESCE( -- a later delivery that changes nothing else corrects the customer, or is of another order
      kept_customer IS DISTINCT FROM customer_code AND kept_batch_id <> batch_id AND kept_source_table = source_table
      AND kept_ts = order_ts AND last_product = product_code
      AND last_amount = amount_original, FALSE
    )                                                         AS is_of_other_customer
  FROM dated
) AS placed
WHERE is_replaced OR (is_usable AND NOT is_of_last_row) OR kept_age > age
