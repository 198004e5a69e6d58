-- The counts of a level are found however many other movements it has. They are few, so that what
-- else moves pays nothing.
CREATE INDEX movements_counts ON movements (product_id, location, seq) WHERE type = 'COUNT';
