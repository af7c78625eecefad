-- Grain: one row of a brand's list of products or customers, as delivered, that does not count.
-- Inputs: those lists, judged by the contracts of staging.
-- Questionable: of two rows with one code the later counts; the other is here, even where both say the same.
SELECT source_system, list, reason_code, entry, COUNT(*) AS entries
FROM staging.unusable_entries
GROUP BY source_system, list, reason_code, entry
