"""FOLDER SMALL: a minimal tap of the Meltano SDK for the CSV file in a folder, its messages thrown away."""

import contextlib
import csv
import io
import json
import os
import sys
import time

from singer_sdk import Stream, Tap
from singer_sdk import typing as th

TYPES = {
    "id": th.IntegerType, "customer": th.StringType, "amount": th.NumberType, "quantity": th.IntegerType, "day": th.DateType,
    "at": th.DateTimeType, "paid": th.BooleanType, "country": th.StringType, "note": th.StringType, "weight": th.NumberType,
    "latitude": th.NumberType, "reference": th.StringType,
}  # fmt: skip
MAKE = {
    "id": int, "amount": float, "quantity": int, "paid": lambda word: word == "true", "weight": float, "latitude": float,
    "at": lambda word: word.replace(" ", "T") + "Z",
}  # fmt: skip
count = 0


class Orders(Stream):
    name = "orders"
    schema = th.PropertiesList(*(th.Property(name, kind) for name, kind in TYPES.items())).to_dict()

    def get_records(self, context):
        global count
        with open(self.config["file"], newline="", encoding="utf-8") as file:
            for record in csv.DictReader(file):
                for name, make in MAKE.items():
                    record[name] = make(record[name])
                count += 1
                yield record


class Bench(Tap):
    name = "tap-bench"
    config_jsonschema = th.PropertiesList(th.Property("file", th.StringType)).to_dict()

    def discover_streams(self):
        return [Orders(self)]


def work(folder):
    with contextlib.redirect_stdout(io.TextIOWrapper(open(os.devnull, "wb"))):
        Bench(config={"file": os.path.join(folder, "orders.csv")}).sync_all()


work(sys.argv[2])
start, before = time.process_time(), count
work(sys.argv[1])
print(json.dumps({"cpu": time.process_time() - start, "rows": count - before}))
