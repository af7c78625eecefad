"""The same figures by hand in pandas: read, type, drop repeats, convert to euros, classify, sum up, write
Parquet.

No checks, no contracts, no quarantine with reasons, no Delta: less than a run does. It knows the
demonstration's formats.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
from currency_converter.currency_converter import CURRENCY_FILE

from mergehouse.project.config import load_project

COLUMNS = ["invoice", "code", "name", "quantity", "date", "price", "customer", "country"]


def wide_lines(folder: Path, brand_folder: Path) -> pd.DataFrame:
    frames = []
    for file in sorted(folder.glob("online_*.csv")):
        frame = pd.read_csv(file, dtype=str, names=COLUMNS, header=0, on_bad_lines="skip")
        iso = pd.to_datetime(frame.date, format="%Y-%m-%d %H:%M:%S", errors="coerce")
        frame["date"] = iso.fillna(pd.to_datetime(frame.date, format="%m/%d/%Y %H:%M", errors="coerce"))
        frames.append(frame)
    lines = pd.concat(frames, ignore_index=True)
    lines["code"] = lines.code.str.strip().str.upper()
    lines["name"] = lines.name.str.strip().str.upper()
    lines["customer"] = lines.customer.str.removesuffix(".0")
    lines["quantity"] = pd.to_numeric(lines.quantity, errors="coerce")
    lines["price"] = pd.to_numeric(lines.price, errors="coerce")
    lines = lines[
        lines.date.notna() & lines.quantity.notna() & lines.price.notna() & (lines.date < "2030-01-01")
    ]
    lines = lines.drop_duplicates(COLUMNS)
    rates = gbp_rates()
    lines["day"] = lines.date.dt.normalize()
    lines["amount"] = (lines.quantity * lines.price * lines.day.map(rates)).round(2)
    others = pd.read_csv(brand_folder / "line_types.csv").pattern.str.replace("*", ".*")
    is_goods = ~lines.code.str.fullmatch("|".join(others))
    lines["kind"] = "sale"
    lines.loc[lines.amount < 0, "kind"] = "return"
    lines.loc[(lines.price == 0) | (lines.price < 0), "kind"] = "adjustment"
    lines.loc[~is_goods, "kind"] = "non_merchandise"
    return lines.rename(columns={"invoice": "order"})


def multitable_lines(folder: Path) -> pd.DataFrame:
    read = {f.stem.split("_")[-1]: pd.read_csv(f) for f in folder.glob("*.csv")}
    items = read["salesitems"].drop_duplicates()
    lines = items.merge(read["sales"][["sale_id", "customer_id", "country"]], on="sale_id")
    lines["day"] = pd.to_datetime(lines.sale_date)
    lines["kind"] = "sale"
    return lines.rename(
        columns={"sale_id": "order", "item_total": "amount", "customer_id": "customer", "product_id": "code"}
    )


def gbp_rates() -> pd.Series:
    with zipfile.ZipFile(CURRENCY_FILE) as archive, archive.open(archive.namelist()[0]) as file:
        table = pd.read_csv(file, usecols=["Date", "GBP"], index_col="Date", parse_dates=True).GBP.dropna()
    return (1 / table.sort_index()).asfreq("D", method="ffill")


def main(project: str) -> None:
    brands = load_project(project).brands
    truth = json.loads((Path(project) / "truth.json").read_text())
    with tempfile.TemporaryDirectory() as out:
        for brand in brands.values():
            wide = len(brand.sources) == 1
            lines = (
                wide_lines(Path(brand.landing_zone), brand.folder)
                if wide
                else multitable_lines(Path(brand.landing_zone))
            )
            sales = lines[lines.kind == "sale"]
            daily = sales.groupby(["day", "country"]).agg(
                gmv=("amount", "sum"), units=("quantity", "sum"), orders=("order", "nunique")
            )
            products = sales.groupby([sales.day.dt.to_period("M").astype(str), "code"]).amount.sum()
            customers = sales.groupby("customer").agg(
                first=("day", "min"),
                last=("day", "max"),
                orders=("order", "nunique"),
                gmv=("amount", "sum"),
                codes=("code", "nunique"),
            )
            for score in ("last", "orders", "gmv"):
                customers[f"{score}_score"] = (
                    pd.qcut(customers[score].rank(method="first"), 5, labels=False) + 1
                )
            for name, table in {
                "lines": lines,
                "daily": daily,
                "products": products.to_frame(),
                "customers": customers,
            }.items():
                table.to_parquet(Path(out) / f"{brand.name}_{name}.parquet", compression="snappy")
            wanted = float(truth["brands"][brand.name]["kpis"]["gmv"])
            assert abs(sales.amount.sum() - wanted) < wanted * 1e-4, (brand.name, sales.amount.sum(), wanted)


main(sys.argv[1])
