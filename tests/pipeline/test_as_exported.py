"""Codes, dates and joins as exports and their readers get them wrong: told, or kept out of the figures."""

from __future__ import annotations

import datetime as dt
import json

import openpyxl
import pytest
from tests.conftest import HEADED_BRAND, HEADED_LINES, SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop

from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("a run for each case")

LINE = "{order},1,2026-03-02 10:00,{item},Cup,1,20,{customer},Germany,EUR"

OF_THE_DAY = {"order_date": dt.date(2026, 3, 2), "gmv_eur": 20}


def found(result: RunResult, check: str) -> list[dict[str, object]]:
    return [row for c in result.checks if c.check == check for row in c.sample]


def test_codes_that_have_lost_their_zeros_are_found(shop: Shop) -> None:
    """February came from the till, March through a spreadsheet."""
    again = [LINE.format(order=order, item="P7", customer="5") for order in ("0099", "#100", '"1,010"')]
    shop.deliver_lines(LINE.format(order="A1", item="0042", customer="00077"), *again, name="lines_02.csv")
    later = LINE.format(order="98", item="P7", customer="5").replace("03-02", "03-03")
    shop.deliver_lines(
        LINE.format(order="A2", item="42", customer="77"),
        *(LINE.format(order=f"B{n}", item="0", customer=c) for n, c in enumerate(["770", "0", "NA", "."])),
        *(LINE.format(order=order, item="P7", customer="5") for order in ("99", "100", "1010", "098")),
        later,  # the shop's next 98 is none of the day before
        name="lines_03.csv",
    )
    result = shop.run(until="silver")
    assert not result.failed
    assert found(result, "code_is_written_one_way") == [
        {"source_system": "shop", "product_code": "0042", "other": "42"},
        *(
            {"source_system": "shop", "order_id": order, "other": other} | OF_THE_DAY
            for order, other in (("#100", "100"), ("0099", "99"), ("1,010", "1010"))
        ),
        {"source_system": "shop", "source_customer_id": "00077", "other": "77"},
    ]
    nobody = [row["source_customer_id"] for row in found(result, "customers_are_somebody")]
    assert nobody == [".", "0", "NA"]


def test_customers_may_be_numbered_from_nought(shop: Shop) -> None:
    """Of customers 0 to 12, each with an order, 0 is one; with four where others have one it is nobody, and
    so it is among numbers that do not begin there, with the most orders of many, in several countries, or
    where the shop lists its customers and not 0.
    """
    asked: dict[str, tuple[list[int], list[int]]] = {  # who buys, whom the shop lists
        "numbered": ([*range(13)], [*range(13)]),
        "guests": ([*range(13), 0, 0, 0], []),
        "sparse": ([0, 500, 501, 502], []),
        "most": ([*range(21), *range(1, 21), 0, 0], []),
        "not_most": ([*range(21), *range(1, 21), 0], []),
        "abroad": ([*range(5), 0, 1, 1], []),
        "unlisted": ([*range(13)], [*range(1, 13)]),
    }
    for brand, (name, (customers, listed)) in zip(shop.brands(*asked), asked.items(), strict=True):
        orders = [LINE.format(order=f"A{n}", item="P1", customer=c) for n, c in enumerate(customers)]
        if name == "abroad":
            orders[0] = orders[0].replace("Germany", "France")
        brand.deliver_lines(*orders)
        if listed:
            people = "  people: {files: people*, key: [number], columns: {number: {type: code}}}\n"
            brand.configure(SHOP_BRAND + people)
            (brand.brand / "customers.sql").write_text("SELECT number AS customer_code FROM people")
            brand.deliver("\n".join(map(str, ["number", *listed])) + "\n", "people.csv")
    nobody = found(shop.run(until="silver"), "customers_are_somebody")
    assert [row["source_system"] for row in nobody] == ["abroad", "guests", "most", "sparse", "unlisted"]


def test_codes_that_are_written_as_numbers_are_found(shop: Shop) -> None:
    """A spreadsheet gives 12345 groups or decimals; 12 is another than 12,000."""
    for n, written in enumerate(["12345", '"12,345"', "12345.00", '"12345,0"', '"12,000"', "12", "1.5"]):
        shop.deliver_lines(LINE.format(order=f"A{n}", item="P1", customer=written), name=f"lines_{n}.csv")
    assert found(shop.run(until="silver"), "code_is_written_one_way") == [
        {"source_system": "shop", "source_customer_id": written, "other": "12345"}
        for written in ("12,345", "12345,0", "12345.00")
    ]


def test_a_date_that_says_there_is_none_is_no_date(shop: Shop) -> None:
    unset = ["1970-01-01 00:00:00", "1900-01-01", "0001-01-01 00:00"]
    lines = [LINE.format(order=f"A{n}", item="P1", customer="77") for n in range(4)]
    shop.deliver_lines(
        lines[0], *(line.replace("2026-03-02 10:00", day) for line, day in zip(lines[1:], unset, strict=True))
    )
    assert not shop.run().failed
    assert shop.rows("SELECT order_id, reason_code FROM silver.quarantine ORDER BY 1") == [
        (f"A{n}", "placeholder_date") for n in (1, 2, 3)
    ]
    assert shop.rows("SELECT min(date) FROM gold.dim_date") == [(dt.date(2026, 1, 1),)]


def test_days_that_a_spreadsheet_took_for_months_are_found(shop: Shop) -> None:
    """Day-first texts of a month, opened where months come first: the first twelve days became dates."""
    days = [f"2026-{day:02d}-02" if day <= 12 else f"{day:02d}/02/2026" for day in range(9, 16)]
    rows = [LINE.format(order=f"A{day}", item="P1", customer="77") for day in range(9, 16)]
    shop.deliver_lines(*(row.replace("2026-03-02 10:00", day) for row, day in zip(rows, days, strict=True)))
    [finding] = [c for c in shop.run(until="bronze").checks if c.check == "deliveries_are_sound"]
    assert "when: 4 row(s) up to the 12th of a month are dates and all later days are texts" in finding.why
    # dates of a whole month beside a text are no such thing
    shop.deliver_lines(
        *rows[:4], rows[4].replace("02 10:00", "20"), rows[5].replace("2026-03-02 10:00", "13/03/2026")
    )
    assert not [c for c in shop.run(until="bronze").checks if "up to the 12th" in c.why]


def test_a_join_that_finds_several_rows_says_what_to_do(shop: Shop) -> None:
    """Two heads for one order, in a source without a key."""
    shop.configure(HEADED_BRAND.replace("    key: [number]\n", ""))
    (shop.brand / "order_lines.sql").write_text(HEADED_LINES)
    shop.deliver_lines(LINE.format(order="A1", item="P1", customer=""))
    shop.deliver("number,customer\nA1,77\nA1,78\n", "heads.csv")
    result = shop.run(until="silver")
    failed = {check.check: check for check in result.checks if not check.passed and check.severity == "error"}
    assert set(failed) == {"key_unique", "brand_is_current"}
    assert "a JOIN in order_lines.sql finds several rows" in failed["key_unique"].why


def test_pennies_are_no_pounds(shop: Shop) -> None:
    """A line of 20 pounds, and one of 2,000 pence: the second has no rate, and the run says what to do."""
    units = {"a": ("code", "GBp"), "b": ("text", "ZAc"), "c": ("code", "GBX")}
    line = LINE.format(order="A1", item="P1", customer="77").replace("EUR", "GBP")
    for brand, (kind, unit) in zip(shop.brands(*units), units.values(), strict=True):
        brand.configure(SHOP_BRAND.replace("currency: {type: code}", f"currency: {{type: {kind}}}"))
        brand.deliver_lines(line, line.replace("A1", "A2").replace(",20,", ",2000,").replace("GBP", unit))
    checks = shop.run(until="silver").checks
    told = {c.table: c.why for c in checks if c.check == "rate_is_known" and not c.passed}
    assert set(told) == {f"{name}.rates" for name in units}
    for name, (_, unit) in units.items():
        expected = (
            f"`{unit}` counts hundredths, as pence: have order_lines.sql divide prices and amounts by 100"
        )
        assert expected in told[f"{name}.rates"]
    sold = "SELECT source_system, order_id, amount_original FROM silver.sales_clean ORDER BY 1"
    assert shop.rows(sold) == [(name, "A1", 20) for name in units]
    unusable = "SELECT source_system, order_id, currency, reason_code FROM silver.quarantine ORDER BY 1"
    assert shop.rows(unusable) == [(name, "A2", unit, "no_fx_rate") for name, (_, unit) in units.items()]


def test_another_currency_beside_a_number_is_found(shop: Shop) -> None:
    cases = {
        "dollars": (["$20.00", "20.00"], ["`$20.00` count as EUR"]),
        "euros": (["€20", "20 Euro", "EUR 20", "20,00 €", "2E1", "(20)", "-20"], []),
        "several": (["20 CHF", "20 zł"], ["`20 CHF` count as EUR", "`20 zł` count as EUR"]),
        "pounds": (["£20.00"], []),  # the line says GBP
    }
    line = LINE.replace(",20,", ',"{price}",')
    for brand, (prices, told) in zip(shop.brands(*cases), cases.values(), strict=True):
        brand.deliver_lines(
            *(line.format(order=f"A{n}", item="P1", customer="77", price=p) for n, p in enumerate(prices)),
            *([LINE.format(order="B", item="P1", customer="77").replace("EUR", "GBP")] if not told else []),
        )
    checks = shop.run(until="bronze").checks
    found = {c.table: c.why for c in checks if c.check == "deliveries_are_sound"}
    assert set(found) == {"bronze.dollars_lines", "bronze.several_lines"}
    for name, (_, told) in cases.items():
        assert all(words in found[f"bronze.{name}_lines"] for words in told)


def test_what_cannot_be_read_is_a_finding(shop: Shop) -> None:
    """Also where no line goes to quarantine for it: none is a cancellation, whatever the export says."""
    shop.configure(SHOP_BRAND.replace("title: {type: text}", "title: {type: boolean}"))
    cancelled = SHOP_ORDER_LINES.replace("title AS product_name", "title AS is_cancellation")
    (shop.brand / "order_lines.sql").write_text(cancelled)
    shop.deliver_lines(LINE.format(order="A1", item="P1", customer="77").replace("Cup", "perhaps"))
    [finding] = [
        c for c in shop.run(until="silver").checks if c.check == "deliveries_are_sound" and not c.passed
    ]
    assert "title: 1 cells such as `perhaps` cannot be read as yes or no and are empty" in finding.why


def test_a_guess_of_the_encoding_is_said(shop: Shop) -> None:
    """A Polish shirt in cp1250 is no text in UTF-8, and one of other letters in cp1252."""
    lines = f"{SHOP_HEADER}\n{LINE.format(order='A1', item='P1', customer='77')}\n"
    shop.deliver(lines.replace("Cup", "Łódź").encode("cp1250"))
    [delivery] = shop.run(until="bronze").ingest.batches
    assert any(
        "read as cp1252, such as `£ódŸ`: declare `encoding`" in note for note in json.loads(delivery.drift)
    )


def test_a_currency_sign_is_no_currency(shop: Shop) -> None:
    shop.deliver_lines(LINE.format(order="A1", item="P1", customer="77").replace("EUR", "€"))
    [finding] = [c for c in shop.run(until="silver").checks if c.check == "rate_is_known" and not c.passed]
    assert "`€` is no code of ISO 4217: have order_lines.sql say one" in finding.why


def test_lines_in_quotes_as_a_whole_are_said(shop: Shop) -> None:
    shop.deliver(f'"{SHOP_HEADER}"\n"{LINE.format(order="A1", item="P1", customer="77")}"\n')
    assert "Each line is in quotes as a whole" in shop.failure()


REPORT = """\
Sales of March
------------------------------------------
{header}
------------------------------------------
{line}
Page 1 of 1

record(s) downloaded: 1
==========================================
"""
FOOTERS = 'files: "lines*"\n    ignore_lines: ["page *", "record(s) *"]'


@pytest.mark.parametrize("deliveries", [1, 2])
def test_lines_that_are_no_rows_are_passed_over(shop: Shop, deliveries: int) -> None:
    """A printed report: what has neither letters nor digits is none, nor is what brand.yml names."""
    for number in range(1, deliveries + 1):
        line = LINE.format(order=f"A{number}", item="P1", customer="77")
        shop.deliver(REPORT.format(header=SHOP_HEADER, line=line), f"lines_{number}.csv")
    batches = shop.run(until="bronze").ingest.new
    assert [batch.rejected_rows for batch in batches] == [2] * deliveries
    assert all("2 line(s) that are no rows passed over" in batch.drift for batch in batches)

    shop.configure(SHOP_BRAND.replace('files: "lines*"', FOOTERS))
    line = LINE.format(order="A3", item="P1", customer="77")
    shop.deliver(REPORT.format(header=SHOP_HEADER, line=line), "lines_3.csv")
    [third] = shop.run(until="bronze").ingest.new
    assert third.rejected_rows == 0 and "4 line(s) that are no rows passed over" in third.drift


def test_texts_in_another_case_than_the_sql_says_are_found(shop: Shop) -> None:
    """They would be sales without a word."""
    cases = {
        "compared": ("title = 'other'", ["Other"]),
        "listed": ("title IN ('Return', 'RETURN', 'return')", []),
        "cases": ("CASE title WHEN 'return' THEN TRUE WHEN 'SALE' THEN FALSE END", ["RETURN", "Return"]),
        "upper": ("UPPER(title) = 'RETURN'", []),
        "dotted": ("UPPER(TRIM(title)) = 'İPTAL'", ["iptal"]),
        "sharp": ("LOWER(title) = 'straße'", ["STRASSE"]),
    }
    line = LINE.format(order="A{0}", item="P1", customer="77").replace("Cup", "{1}")
    for brand, (says, _) in zip(shop.brands(*cases), cases.values(), strict=True):
        (brand.brand / "order_lines.sql").write_text(
            SHOP_ORDER_LINES.replace("title AS product_name", f"{says} AS is_cancellation")
        )
        words = ["Return", "RETURN", "return", "Other", "iptal", "İptal", "Straße", "STRASSE"]
        brand.deliver_lines(*(line.format(n, word) for n, word in enumerate(words)))
    rows = found(shop.run(until="silver"), "texts_are_compared_as_written")
    values = {name: [row["value"] for row in rows if row["source_system"] == name] for name in cases}
    assert values == {name: told for name, (_, told) in cases.items()}


def test_shares_among_percentages_are_found(shop: Shop) -> None:
    cases = {
        "a": ("percent", ["10%", "0.1", "20%"], "1 numbers such as `0.1` have no percent sign"),
        "b": ("number", ["10%", "0.1", "20%"], "1 numbers such as `0.1` have no percent sign"),
        "c": ("percent", ["0.1", "0,25", "0", ""], "no number is above 1"),
        "d": ("percent", ["10", "0.5"], ""),
        "e": ("percent", ["10%", "15", "0", ""], ""),
        "f": ("number", ["0.1", "0.25"], ""),
    }
    for brand, (kind, rates, _) in zip(shop.brands(*cases), cases.values(), strict=True):
        brand.configure(SHOP_BRAND.replace("title: {type: text}", f"title: {{type: {kind}}}"))
        lines = (LINE.format(order=f"A{n}", item="P1", customer="77") for n in range(len(rates)))
        brand.deliver_lines(*(line.replace("Cup", f'"{r}"') for line, r in zip(lines, rates, strict=True)))
    checks = [c for c in shop.run(until="bronze").checks if c.check == "deliveries_are_sound"]
    doubts = {check.table: [str(row["doubt"]) for row in check.sample] for check in checks}
    assert set(doubts) == {f"bronze.{name}_lines" for name in "abc"}
    for name in "abc":
        [doubt] = doubts[f"bronze.{name}_lines"]
        assert cases[name][2] in doubt


def test_totals_that_are_alike_are_left_out_each(shop: Shop) -> None:
    """They have no order, and so none is a version of another."""
    for brand, replaces in zip(shop.brands("lines", "days"), ("", "replaces: day"), strict=True):
        brand.configure(f"{replaces}{SHOP_BRAND}")
        (brand.brand / "order_lines.sql").write_text(
            SHOP_ORDER_LINES.replace(
                "batch_id", "CASE WHEN item IS NULL THEN 'left_out' END AS problem, batch_id"
            )
        )
        for n in (1, 2):
            line = LINE.format(order=f"A{n}", item="P1", customer="77").replace("-02 ", f"-0{n} ")
            brand.deliver_lines(line, ",,2026-03-01,,Total,1,20,,,", name=f"lines_{n}.csv")
    assert not shop.run(until="silver").failed
    sold = "SELECT source_system, sum(gmv_eur) FROM silver.sales_clean GROUP BY 1 ORDER BY 1"
    assert shop.rows(sold) == [("days", 40), ("lines", 40)]
    unusable = "SELECT source_system, reason_code, count(*) FROM silver.quarantine GROUP BY 1, 2 ORDER BY 1"
    assert shop.rows(unusable) == [("days", "left_out", 2), ("lines", "left_out", 2)]


def test_rows_that_are_parts_of_a_line_leave_it_out_and_are_found(shop: Shop) -> None:
    (shop.brand / "order_lines.sql").write_text(
        SHOP_ORDER_LINES.replace("line AS line_id,", "CASE WHEN line = '2' THEN 'left_out' END AS problem,")
    )
    sold = [LINE.format(order=order, item="P1", customer="77") for order in ("A1", "A2")]
    shop.deliver_lines(*sold, sold[0].replace("A1,1", "A1,2"))
    told = found(shop.run(until="silver"), "left_out_rows_replace_no_line")
    assert [(row["order_lines"], row["amount"], row["an_order"]) for row in told] == [(1, 20, "A1")]
    assert shop.rows("SELECT order_id FROM silver.sales_clean") == [("A2",)]


def test_rows_left_out_by_a_rule_that_are_no_versions_of_their_line_are_found(shop: Shop) -> None:
    """What a line was before, behind what it is, and its tax have its number; a cancellation is of it."""
    left_out = "leave_out: {title: [before, tax, cancelled]}\n"
    shop.configure(left_out + SHOP_BRAND)
    lines = {
        "A1": ["P1,Cup,2,20", "P1,before,1,20"], "A2": ["P1,before,1,20", "P1,Cup,2,20"],
        "A3": ["P1,Cup,1,20", "VAT,tax,1,3.8"], "A4": ["P1,Cup,1,20", "P1,cancelled,1,20"],
        "A5": ["P1,Cup,1,20", "P1,cancelled,1,-20"], "A6": ["P1,Cup,1,20", "P1,cancelled,0,20"],
    }  # fmt: skip
    shop.deliver_lines(
        *(f"{order},1,2026-03-02 10:00,{s},77,Germany,EUR" for order, rows in lines.items() for s in rows)
    )
    [told] = found(shop.run(until="silver"), "left_out_rows_replace_no_line")
    assert (told["order_lines"], told["amount"], told["an_order"]) == (2, 60, "A1")
    assert shop.rows("SELECT order_id, gmv_eur FROM silver.sales_clean") == [("A2", 40)]


def test_parts_of_an_order_key_that_have_lost_their_zeros_are_found(shop: Shop) -> None:
    """Shop 01 is shop 1 in the second file, so that order 7 of it counts twice."""
    shop.configure("order_key: [title]\n" + SHOP_BRAND)
    sold = LINE.format(order="7", item="P1", customer="77")
    shop.deliver_lines(sold.replace("Cup", "01"), sold.replace("Cup", "010"), name="lines_1.csv")
    shop.deliver_lines(sold.replace("Cup", "1"), sold.replace("Cup", "2"), name="lines_2.csv")
    told = found(shop.run(until="silver"), "code_is_written_one_way")
    assert [(row["order_id"], row["other"]) for row in told] == [("7/01", "7/1")]


def test_columns_that_are_empty_from_a_file_on_are_found(shop: Shop) -> None:
    """Since February the export says neither customer nor currency; the title was empty in January, too."""

    def lines(month: int, customer: str, currency: str, first: int = 10) -> list[str]:
        line = f"A{{n}},1,2026-{month:02}-02 10:00,P1,,1,20,{customer},Germany,{currency}"
        return [line.format(n=month * 100 + n) for n in range(first)]

    shop.deliver_lines(*lines(1, "{n}", "GBP"), name="lines_01.csv")
    shop.deliver_lines(*lines(2, "", "NULL"), name="lines_02.csv")
    shop.deliver_lines(*lines(3, "", "GBP", first=9), name="lines_03.csv")  # by chance, perhaps
    doubts = [str(row["doubt"]) for row in found(shop.run(until="bronze"), "deliveries_are_sound")]
    assert [doubt.split(";")[0] for doubt in doubts] == [
        f"{name}: empty in all 10 rows, and filled in earlier files" for name in ("customer", "currency")
    ]
    # a later file that is as the one before it is said no more
    shop.deliver_lines(*lines(4, "", "GBP"), name="lines_04.csv")
    again = found(shop.run(until="bronze"), "deliveries_are_sound")
    assert {row["file"] for row in again} == {"lines_02.csv"}


def test_a_blank_that_sql_computes_says_nothing(shop: Shop) -> None:
    """REGEXP_EXTRACT gives one where nothing fits: a guest is no customer, and a line needs an order."""
    (shop.brand / "order_lines.sql").write_text(
        SHOP_ORDER_LINES.replace("customer AS", "REGEXP_EXTRACT(title, 'no[.] ([0-9]+)', 1) AS")
        .replace("`order` AS", "SUBSTRING(`order`, 1, INSTR(`order`, '-') - 1) AS")
        .replace("batch_id", "CASE WHEN item = 'X' THEN 'left_out' ELSE '' END AS problem, batch_id")
    )
    names = {"A1-1": "Cup, no. 7", "A2-1": "Cup", "A3": "Cup"}
    shop.deliver_lines(
        *(LINE.format(order=o, item="P1", customer="").replace("Cup", f'"{n}"') for o, n in names.items())
    )
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT order_id, customer_id FROM silver.sales_clean ORDER BY 1") == [
        ("A1", "shop:7"), ("A2", None),
    ]  # fmt: skip
    assert shop.rows("SELECT reason_code FROM silver.quarantine") == [("missing_order_id",)]


def test_quantities_of_which_every_one_is_a_thousand_are_found(shop: Shop) -> None:
    """`2,000` beside prices with a point: two of something, with three decimals, or two thousand."""
    shop.deliver_lines(
        *(
            LINE.format(order=f"A{n}", item="P1", customer="77").replace("Cup,1,20", f'Cup,"{n},000",20.50')
            for n in (1, 2)
        )
    )
    [finding] = [c for c in shop.run(until="bronze").checks if c.check == "deliveries_are_sound"]
    assert "qty: every number, such as `2,000`, is read as thousands" in finding.why
    shop.deliver_lines(
        LINE.format(order="B1", item="P1", customer="77").replace("Cup,1,20", 'Cup,"1,250",20.50'),
        name="lines_2.csv",
    )
    assert "lines_2.csv" not in found_words(shop.run(until="bronze"))


def found_words(result: RunResult) -> str:
    return " ".join(c.why for c in result.checks if c.check == "deliveries_are_sound")


def test_a_time_of_day_of_a_workbook_is_what_its_clock_shows(shop: Shop) -> None:
    shop.configure(
        SHOP_BRAND.replace("when: {type: timestamp}", "when: {type: date}\n      clock: {type: text}")
    )
    sql = SHOP_ORDER_LINES.replace("`when` AS", "CAST(CONCAT(`when`, ' ', clock) AS TIMESTAMP) AS")
    (shop.brand / "order_lines.sql").write_text(sql)
    book = openpyxl.Workbook()
    book.active.append([*SHOP_HEADER.split(","), "clock"])
    book.active.append(
        ["A1", 1, dt.date(2026, 3, 2), "P1", "Cup", 1, 20, "77", "Germany", "EUR", dt.time(14, 5, 7)]
    )
    book.save(shop.raw / "lines.xlsx")
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT order_ts FROM silver.sales_clean") == [
        (dt.datetime(2026, 3, 2, 13, 5, 7, tzinfo=dt.UTC),)
    ]
