-- Grain: one order line of one customer, product and day.
-- Inputs: what was said of valid order lines.
-- Questionable: a step of its own so that a delivery cuts its slices: a view that two tables read would be computed whole.
SELECT * FROM staging.sales_records WHERE NOT is_of_known_line
