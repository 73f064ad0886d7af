-- A small shop, for a first try: who bought which book.

CREATE TABLE book (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    year INTEGER,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0)
);
CREATE INDEX book_author ON book (author);

CREATE TABLE customer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    country TEXT NOT NULL DEFAULT 'NL',
    since TEXT NOT NULL
);

CREATE TABLE sale (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    book_id INTEGER NOT NULL REFERENCES book (id),
    day TEXT NOT NULL,
    copies INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX sale_day ON sale (day);

CREATE VIEW revenue AS
SELECT substr(sale.day, 1, 7) AS month, sum(sale.copies * book.price_cents) / 100.0 AS euros
FROM sale JOIN book ON book.id = sale.book_id
GROUP BY month;

INSERT INTO book (id, title, author, year, price_cents) VALUES
    (1, 'Pride and Prejudice', 'Jane Austen', 1813, 899),
    (2, 'Emma', 'Jane Austen', 1815, 999),
    (3, 'Frankenstein', 'Mary Shelley', 1818, 799),
    (4, 'Moby-Dick', 'Herman Melville', 1851, 1299),
    (5, 'Middlemarch', 'George Eliot', 1871, 1499),
    (6, 'The Time Machine', 'H. G. Wells', 1895, 699),
    (7, 'Ulysses', 'James Joyce', 1922, 1599),
    (8, 'Beowulf', 'unknown', NULL, 1099);

INSERT INTO customer (id, name, country, since) VALUES
    (1, 'Ada', 'GB', '2024-03-01'),
    (2, 'Grace', 'US', '2024-05-17'),
    (3, 'Edsger', 'NL', '2025-01-09'),
    (4, 'Barbara', 'US', '2025-06-30');

INSERT INTO sale (customer_id, book_id, day, copies) VALUES
    (1, 1, '2026-01-12', 1), (1, 3, '2026-01-12', 2), (2, 4, '2026-01-20', 1),
    (3, 8, '2026-02-02', 1), (3, 6, '2026-02-02', 1), (4, 7, '2026-02-14', 3),
    (2, 2, '2026-03-03', 1), (1, 5, '2026-03-08', 1), (4, 1, '2026-03-21', 2),
    (3, 4, '2026-04-04', 1), (2, 6, '2026-04-15', 4), (1, 7, '2026-05-01', 1);
