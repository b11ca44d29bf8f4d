-- Work for SQLite over Quire's heap: tens of thousands of rows, indices, joins, groups, blobs, transactions, triggers,
-- text functions, JSON, recursion, vacuum. What it prints is the same on every run.
PRAGMA cache_size = -8000;
PRAGMA temp_store = MEMORY;

CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, city INTEGER, born INTEGER, note TEXT);
CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT UNIQUE, country TEXT);
CREATE TABLE payment (id INTEGER PRIMARY KEY, person INTEGER REFERENCES person, amount INTEGER, day INTEGER);

BEGIN;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO city SELECT i, printf('city-%04x', i * 7919 % 65536), substr('ABCDEFGHIJ', i % 10 + 1, 1) FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO person SELECT i, printf('name-%06d', i * 7919 % 100003), i * 31 % 500 + 1, 1900 + i * 17 % 120,
    substr(replace(hex(zeroblob(200)), '00', char(97 + i % 26)), 1, i % 150) FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO payment SELECT i, i * 101 % 30000 + 1, i * i % 10007, i % 365 FROM n;
COMMIT;

CREATE INDEX person_name ON person (name);
CREATE INDEX person_city ON person (city, born);
CREATE INDEX payment_person ON payment (person);
ANALYZE;

SELECT count(*), min(name), max(name), sum(length(note)) FROM person;
SELECT c.country, count(*), sum(p.amount), max(e.name)
    FROM payment p JOIN person e ON e.id = p.person JOIN city c ON c.id = e.city
    GROUP BY c.country ORDER BY c.country;
SELECT e.name, sum(p.amount) AS total FROM person e JOIN payment p ON p.person = e.id
    GROUP BY e.id HAVING total > 18000 ORDER BY total DESC, e.name LIMIT 10;
SELECT born / 10 * 10 AS decade, count(DISTINCT city), group_concat(DISTINCT substr(name, -1))  FROM
    (SELECT * FROM person ORDER BY id) GROUP BY decade ORDER BY decade LIMIT 12;
SELECT name, row_number() OVER (PARTITION BY city ORDER BY born, id) AS n, lag(id, 2) OVER (ORDER BY id)
    FROM person ORDER BY n DESC, id LIMIT 5;

-- Sorting what no index has in order.
SELECT sum(n * x) FROM (SELECT row_number() OVER (ORDER BY note, name) AS n, id % 7 AS x FROM person);

-- Blobs, large ones too.
CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
INSERT INTO blobs SELECT i, CAST(replace(hex(zeroblob(i * i % 20011)), '00', printf('%04x', i)) AS BLOB) FROM n;
INSERT INTO blobs VALUES (1000, zeroblob(3000000));
SELECT count(*), sum(length(data)), hex(substr(max(data), 1, 8)) FROM blobs;
UPDATE blobs SET data = data || data WHERE id % 3 = 0;
SELECT sum(length(data)) FROM blobs;

-- A transaction undone, triggers, an upsert.
BEGIN;
DELETE FROM person WHERE id % 2 = 0;
SAVEPOINT inner_one;
UPDATE person SET note = note || note || name;
ROLLBACK TO inner_one;
SELECT count(*) FROM person;
ROLLBACK;
SELECT count(*), sum(length(note)) FROM person;
CREATE TABLE log (entry TEXT);
CREATE TRIGGER logged AFTER UPDATE OF born ON person BEGIN
    INSERT INTO log VALUES (old.name || ' ' || old.born || ' -> ' || new.born);
END;
UPDATE person SET born = born + 1 WHERE city = 77;
SELECT count(*), min(entry), max(entry) FROM log;
INSERT INTO city VALUES (1, 'new', 'Z') ON CONFLICT (id) DO UPDATE SET country = 'Z', name = name || excluded.name;
SELECT * FROM city WHERE id = 1;

-- JSON and text.
SELECT length(json_group_array(json_object('id', id, 'name', name, 'note', note))) FROM person WHERE id <= 5000;
SELECT sum(json_extract(value, '$.n')) FROM json_each((SELECT json_group_array(json_object('n', id, 's', name))
    FROM person WHERE id <= 3000));
SELECT count(*) FROM person WHERE name LIKE '%99%' AND note GLOB '*ccc*';

DELETE FROM payment WHERE day % 2;
DROP INDEX person_city;
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(amount) FROM payment;
