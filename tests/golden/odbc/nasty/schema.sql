CREATE TABLE "order" (
  id INTEGER PRIMARY KEY,
  "class" TEXT NOT NULL,
  "näme ""quoted""" VARCHAR(40),
  "back\slash" INT,
  parent INTEGER REFERENCES "order" (id),
  customer INTEGER REFERENCES customers (id),
  total DECIMAL(12,2),
  taken TIMESTAMP WITH TIME ZONE
);
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  name VARCHAR(80) NOT NULL UNIQUE,
  favourite INTEGER REFERENCES "order" (id),
  "date" DATE,
  model_x DOUBLE
);
CREATE TABLE "order lines" (
  "order" INTEGER NOT NULL REFERENCES "order" (id),
  "Line-No" INTEGER NOT NULL,
  article VARCHAR(20) NOT NULL,
  price DECIMAL(9,3) NOT NULL,
  PRIMARY KEY ("order", "Line-No")
);
CREATE TABLE "東京" (a BLOB, b BOOLEAN, c TIME, d DOUBLE, e, "import" BIGINT);
CREATE TABLE tuple (code CHAR(3) NOT NULL, "on" DATE NOT NULL, at TIMESTAMP NOT NULL, sum DECIMAL(9,2) NOT NULL,
  PRIMARY KEY (code, "on", at, sum));
CREATE TABLE tuples (id INTEGER PRIMARY KEY, int INT);
CREATE TABLE "Addresses" ("é" INTEGER PRIMARY KEY);
CREATE TABLE '"; import os #' (a TEXT PRIMARY KEY NOT NULL);
CREATE TABLE "Models" (id INTEGER PRIMARY KEY);
CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM "order" GROUP BY customer;
