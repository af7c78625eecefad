"""The Executive page in Streamlit over the same Gold: streamlit run streamlit_executive.py -- LAKEHOUSE.

Plain, as its tutorials have it: cached reading, three measures, a trend, regions and categories.
"""

import sys

import duckdb
import polars as pl
import streamlit as st
from deltalake import DeltaTable


@st.cache_data
def read(table: str) -> pl.DataFrame:
    data = DeltaTable(f"{sys.argv[1]}/gold/{table}").to_pyarrow_dataset()  # noqa: F841 - DuckDB reads it by its name
    return duckdb.sql("SELECT * FROM data").pl()


st.set_page_config(layout="wide")
sales, categories = read("sales_daily"), read("category_perf")
brand = st.selectbox("Brand", ["All", *sorted(sales["source_system"].unique())])
if brand != "All":
    sales = sales.filter(pl.col("source_system") == brand)
    categories = categories.filter(pl.col("source_system") == brand)
gmv, returns, orders = (sales[name].sum() for name in ("gmv_eur", "returns_eur", "orders"))
cards = zip(
    st.columns(5), ("Net revenue", "GMV", "Average order value", "Margin", "Return rate"), strict=True
)
shown = (gmv - returns, gmv, gmv / orders, sales["margin_eur"].sum(), returns / gmv)
for (column, label), value in zip(cards, shown, strict=True):
    column.metric(label, f"{float(value):,.2f}")
months = sales.with_columns(month=pl.col("order_date").dt.truncate("1mo")).group_by("month", "source_system")
st.line_chart(
    months.agg(net_revenue=pl.sum("net_revenue_eur").cast(float)).sort("month"),
    x="month", y="net_revenue", color="source_system",
)  # fmt: skip
left, right = st.columns(2)
by_region = sales.group_by("region").agg(net_revenue=pl.sum("net_revenue_eur").cast(float))
left.bar_chart(by_region, x="region", y="net_revenue", horizontal=True)
by_category = categories.group_by("category").agg(net_revenue=pl.sum("net_revenue_eur").cast(float))
right.bar_chart(by_category.top_k(9, by="net_revenue"), x="category", y="net_revenue", horizontal=True)
