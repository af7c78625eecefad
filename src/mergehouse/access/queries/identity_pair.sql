-- One pair for review: both records and the evidence.
SELECT * FROM lookup.identity_pairs WHERE pair = $pair
