-- What an order was sold and what came back of it: a return asks for both. Partial, so that what
-- holds write costs nothing more.
CREATE INDEX movements_sales_of_order ON movements (order_id, product_id)
  WHERE type IN ('SALE', 'RETURN');
